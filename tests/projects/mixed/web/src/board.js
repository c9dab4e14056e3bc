// The next departures, asked for every half minute.
async function show() {
  const departures = await (await fetch("/departures")).json();
  const rows = departures.lines.map((line) => `<li>${dayjs(line.at).format("HH:mm")} ${line.to}</li>`);
  document.querySelector("ul").innerHTML = rows.join("");
}

show();
setInterval(show, 30000);
