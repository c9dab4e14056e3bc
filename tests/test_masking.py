"""Secrets: which texts the masker hides, what stands in their place in a record, and how such records are compared."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from layerlab.errors import CommandFailed
from layerlab.explaining.against import explain_against
from layerlab.machine.resolving import resolve
from layerlab.project.app import App
from layerlab.record import history, marks
from layerlab.record.build import Build
from layerlab.record.fitting import masker_for
from layerlab.record.masked_trace import MaskedEvents, masked_trace
from layerlab.record.states import BASE, RAN
from layerlab.record.step import Step
from layerlab.system.files import write_private
from layerlab.system.home import machine_dir
from layerlab.texts.masker import LONG_ENOUGH, Masker
from layerlab.texts.secrets import HIDDEN, has_mark, secret_name, without_marks
from layerlab.traces.instructions import MAKES_A_STEP, read
from layerlab.traces.trace import parse

pytestmark = pytest.mark.usefixtures("own_home")

SECRET = "hunter2-xyzzy-4711"
#: What a generator of secrets might make.
secrets_ = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.~", min_size=12, max_size=40).filter(
    lambda text: text[0].isalnum() and any(c.isdigit() for c in text)
)


def build_of(dockerfile: str, **changes) -> Build:
    """Make the record of a build without provenance, as of one that failed; its steps all ran."""
    steps = [
        Step(i.line, i.end_line, i.stage_name, i.keyword, i.text, BASE if i.keyword == "FROM" else RAN, 0.0, 1.0, None, 0,
             "", f"sha256:{i.line}", ())
        for i in read(dockerfile) if i.keyword in (*MAKES_A_STEP, "FROM")
    ]  # fmt: skip
    fields = {
        "app": "shop", "variant": "Dockerfile", "edit": "none", "machine": "laptop",
        "command": ("docker", "buildx", "build", "."), "dockerfile": dockerfile, "steps": tuple(steps),
        "started_at": "2026-01-02T03:04:05.678+00:00", "seconds": 1.0,
        "phases": (), "context_bytes": 0, "image": "", "image_bytes": None, "warnings": (), "trace": "", "provenance": {},
        "project": "/shop",
    }  # fmt: skip
    return Build(**(fields | changes))


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def said(text: str, vertex: str = "sha256:1", **more) -> dict:
    return {"logs": [{"vertex": vertex, "stream": 1, "data": base64_of(text)}], **more}


def spoken(events: list[dict]) -> str:
    """Return the logs of events as one text."""
    return b"".join(base64.b64decode(log["data"]) for e in events for log in e.get("logs") or ()).decode()


# -- which texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "TOKEN",
        "API_KEY",
        "db_password",
        "AWS_SECRET_ACCESS_KEY",
        "GIT_PAT",
        "apikey",
        "NPM_AUTHTOKEN",
        "dbPassword",
        "DB_PW",
    ],
)
def test_names_of_secrets(name):
    assert secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["PATH", "KEYBOARD", "PUBLIC_KEY", "AUTHOR", "MONKEY", "key", "PIP_NO_CACHE_DIR", "PWD", "TOKENIZERS_PARALLELISM"],
)
def test_other_names(name):
    assert not secret_name(name)


#: Secrets in each form that is recognized, and something beside it that stays.
FORMS = [
    (f"pip install --index-url https://me:{SECRET}@example.org/simple x", "https://me:"),
    (f"twine upload --password {SECRET} dist/*", "dist/*"),
    (f"curl -H 'Authorization: Basic {SECRET}' https://example.org", "https://example.org"),
    (f'curl -H "X-Api-Key: {SECRET}" https://example.org', "X-Api-Key: "),
    (f"curl -sSf -u me:{SECRET} https://example.org", "-u me:"),
    (f"curl --user me:{SECRET} -o x https://example.org", "-o x"),
    (f"git clone https://{SECRET}4711@example.org/a.git", "@example.org/a.git"),
    (f"mysql -u root -p{SECRET} shop < dump.sql", "shop < dump.sql"),
    (f"sshpass -p {SECRET} ssh me@example.org", "ssh me@example.org"),
    (f"Server=db;Uid=me;Pwd={SECRET};Database=shop", ";Database=shop"),
    (f"ENV DB_PW={SECRET} DB_USER=me", "DB_USER=me"),
    ("STRIPE=sk_live_" + "xyz0123456789", "STRIPE="),
    ("got eyJhbGciOiJI." + "eyJzdWIiOiIx.xyz_abcdefgh from the server", "from the server"),
    (f"login --token={SECRET} --verbose", "--verbose"),
    (f'{{"user": "me", "password": "{SECRET}"}}', '"user": "me"'),
    ("git clone with ghp_0123456789abcdefghijABCDEFGHIJ done", "done"),
    ("Authorization: Bearer abc.def-0123456789", "Authorization"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----\nafter", "after"),
    (f'API_KEY="two words {SECRET}" next', "next"),
    (f"export API_KEY=a{SECRET}'b c' next", "next"),
]


@pytest.mark.parametrize(("text", "kept"), FORMS)
def test_secrets_told_by_their_form(text, kept):
    hidden = Masker().text(text)
    assert kept in hidden and HIDDEN in hidden
    assert not [s for s in (SECRET, "ghp_0123", "abc.def", "MIIabc", "xyz", "b c") if s in hidden]


@pytest.mark.parametrize(
    "text",
    [
        "ENV TOKENIZERS_PARALLELISM=false",
        "ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 PWD=/app",
        "RUN cd /app; pwd=$(pwd)",
        "RUN mysql -p $PASSWORD -h db; mkdir -p /app/logs",
        "RUN curl -u $USER:$PASSWORD https://example.org && curl -fsSL https://example.org/x",
        "RUN git clone https://git@example.org/me/project.git",
        "Basic usage: x-ray the image",
        "RUN sshpass -p $PASSWORD ssh me@example.org",
        "RUN --mount=type=secret,id=token pip install -r requirements.txt",
        "RUN --mount=type=secret,id=pip,env=PIP_TOKEN pip install x",
        'RUN curl -H "Authorization: $TOKEN" https://example.org',
        "RUN login --password $PASSWORD && export API_TOKEN=$(cat /run/secrets/token)",
        "ENV PUBLIC_KEY=abc PYTHONPATH=/app",
        "ARG API_TOKEN",
        "RUN apt-key add key.gpg && echo https://example.org/a@b",
        "Collecting keyring<25.0 (from -r requirements.txt)",
    ],
)
def test_what_is_no_secret_stays(text):
    assert Masker().text(text) == text


@pytest.mark.parametrize(
    "word",
    ["a", "1", "-", "--a", "a-1", 'a="', "--a ", "://a:", "curl ", "mysql ", "https://a1", "x-", ";pwd=", "eyJa."],
)
def test_secrets_are_looked_for_in_time_proportional_to_the_text(word):
    """A log may hold a megabyte without a space, such as base64; at each letter, a name could begin."""
    log = "key " + word * (500_000 // len(word))
    began = time.process_time()
    assert Masker().text(f"{log} API_KEY={SECRET}").endswith(HIDDEN)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "written",
    [
        f"connecting with {SECRET}", f"prefix{SECRET}suffix", f"/{SECRET}/", f'"{SECRET}"', "aHVudGVyMi14eXp6eS00NzEx",
    ],
)  # fmt: skip
def test_a_known_value_is_hidden_wherever_it_is(written):
    assert SECRET[8:] not in Masker().knowing([SECRET]).text(written) and "eXp6" not in Masker().knowing([SECRET]).text(
        written
    )


@pytest.mark.parametrize(
    ("value", "written"), [("a<b>&\"c\"'d'", "a&lt;b&gt;&amp;&quot;c&quot;&#x27;d&#x27;"), ('say "x" 1', 'say \\"x\\" 1'),
                           ("a b/c:1", "a%20b%2Fc%3A1"), ("it's 1 x", "it'\\''s 1 x"), ("tab\tand\nline 2", "tab\\tand\\nline 2")]
)  # fmt: skip
def test_a_known_value_is_hidden_escaped_too(value, written):
    assert Masker().knowing([value]).text(f"<{written}>") == f"<{HIDDEN}>"


def test_short_values_and_plain_words_are_hidden_only_where_they_stand_for_themselves():
    masker = masker_for((), {"SECRET_KEY": "dev", "DB_PASSWORD": "postgres"}, "")
    assert masker.text("dev mode in /dev/null, ENV SECRET_KEY=dev") == f"dev mode in /dev/null, ENV SECRET_KEY={HIDDEN}"
    assert masker.text("user postgres of postgresql") == f"user {HIDDEN} of postgresql"


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        (["docker", f"--build-arg=API_TOKEN={SECRET}", "."], ["docker", f"--build-arg=API_TOKEN={HIDDEN}", "."]),
        (["--build-arg", "API_TOKEN=two words"], ["--build-arg", f"API_TOKEN={HIDDEN}"]),
        (["--set", "web.args.DB_PW=a b"], ["--set", f"web.args.DB_PW={HIDDEN}"]),
        (["--set=web.args.DB_PW=a b"], [f"--set=web.args.DB_PW={HIDDEN}"]),
        (["twine", "--password", "a b", "-v"], ["twine", "--password", HIDDEN, "-v"]),
        (["run", "-e", f"TOKEN={SECRET}"], ["run", "-e", f"TOKEN={HIDDEN}"]),
    ],
)  # fmt: skip
def test_words_of_a_command(words, masked):
    assert list(Masker().words(words)) == masked


@pytest.mark.parametrize(
    "words",
    [
        ["--secret", "id=token,src=/a"],
        ["--secret=id=token,env=TOKEN"],
        ["--set=web.secrets=id=token"],
        ["--token", "--verbose"],
    ],
)
def test_options_that_only_name_a_secret_stay(words):
    assert list(Masker().words(words)) == words


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="=:-@", exclude_categories=["Cs"]), max_size=200))
def test_text_in_which_nothing_is_assigned_or_addressed_stays(text):
    assert Masker().text(text) == text


@settings(max_examples=200, deadline=None)
@given(secrets_, st.text(max_size=30), st.text(max_size=30))
def test_a_known_secret_is_in_no_text(secret, before, after):
    masker = Masker().knowing([secret])
    for text in (f"{before}{secret}{after}", f"{before}TOKEN={secret}\n{after}", f"--password {secret} {after}"):
        assert secret not in masker.text(text)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["TOKEN=", "ENV ", "'", '"', "\\", "\n", " ", "$", "--token ", "x", SECRET, "://u:", "@"]),
        max_size=30,
    )
)
@example(["TOKEN=", "'", "'", "'", "'"])
def test_masking_is_finished_after_the_first_time_and_keeps_lines(parts):
    text = "".join(parts)
    for masker in (Masker(), Masker().knowing([SECRET]), Masker(mark=marks.mark)):
        once = masker.source(text)
        assert once.count("\n") == text.count("\n")
        assert masker.source(once) == once


def test_a_message_about_a_command_that_failed_hides_its_secrets():
    words = ["curl", "--header", "x", f"--build-arg=TOKEN={SECRET}"]
    error = CommandFailed("it failed", words, 1, f"bad password: TOKEN={SECRET}\n")
    assert SECRET not in str(error) and str(error).count(HIDDEN) == 2


# -- in a record ------------------------------------------------------------------------------------------------------

LEAKY = (
    f"FROM python:3.11\nARG API_TOKEN\nENV DB_PW='{SECRET}'\nRUN curl -u me:{SECRET} https://example.org\nRUN make\n"
)
ENVIRONMENT = ["PATH=/bin", f"API_TOKEN={SECRET}", f"DB_PW={SECRET}", "PIP_NO_CACHE_DIR=1"]
PROVENANCE = {
    "invocation": {"parameters": {"args": {"build-arg:API_TOKEN": SECRET, "target": "x"}}},
    "materials": [{"uri": f"https://me:{SECRET}@example.org/a.git"}],
    "buildConfig": {
        "digestMapping": {"sha256:4": "step1", "sha256:5": "step2"},
        "llbDefinition": [
            {"id": "step0", "op": {"Op": {"source": {"identifier": "docker-image://docker.io/library/python:3.11"}}}},
            {"id": "step1", "inputs": ["step0:0"], "op": {"Op": {"exec": {"meta": {
                "args": ["/bin/sh", "-c", f"curl -u me:{SECRET} https://example.org"], "env": ENVIRONMENT, "cwd": "/"},
                "mounts": [{"dest": "/", "input": 0}]}}}},
            {"id": "step2", "inputs": ["step1:0"], "op": {"Op": {"exec": {"meta": {
                "args": ["/bin/sh", "-c", "make"], "env": ENVIRONMENT, "cwd": "/"}, "mounts": [{"dest": "/", "input": 0}]}}}},
            {"id": "step3", "op": {"Op": {"file": {"actions": [{"Action": {"mkfile": {"data": base64_of(LEAKY)}}}]}}}},
        ],
    },
    "metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"source": {"infos": [{"data": base64_of(LEAKY)}]}}},
}  # fmt: skip
EVENTS = (
    {"vertexes": [{"digest": "sha256:1", "name": f"[2/3] RUN curl -u me:{SECRET} https://example.org", "error": f"{SECRET}!"}]},
    {"statuses": [{"id": f"pushing https://me:{SECRET}@example.org", "vertex": "sha256:1", "current": 1}]},
    said(f"set API_TOKEN={SECRET[:7]}"), said(f"{SECRET[7:]}\nok"),
    {"warnings": [{"short": base64_of(f"ENV DB_PW={SECRET}"), "detail": [base64_of(f"ENV DB_PW={SECRET}")],
                   "sourceInfo": {"filename": "Dockerfile", "data": base64_of(LEAKY)}}]},
)  # fmt: skip
TRACE = "".join(json.dumps(e) + "\n" for e in EVENTS) + f"ERROR: {SECRET}\nTOKEN={SECRET}"


def leaky(secret: str = SECRET, **changes) -> Build:
    """Make a record with a secret in each of its fields, as it was before it could be hidden."""
    fields = {
        "provenance": PROVENANCE, "trace": TRACE, "args": {"API_TOKEN": SECRET, "PIP_NO_CACHE_DIR": "1"},
        "error": f"cannot use {SECRET}", "warnings": (f"ENV DB_PW={SECRET}",),
        "command": ("docker", "buildx", "build", f"--build-arg=API_TOKEN={SECRET}", "."),
    }  # fmt: skip
    fields = json.loads(
        json.dumps(fields).replace(SECRET, secret).replace(base64_of(LEAKY), base64_of(LEAKY.replace(SECRET, secret)))
    )
    fields |= {name: tuple(fields[name]) for name in ("warnings", "command")}
    build = build_of(LEAKY.replace(SECRET, secret), **(fields | changes))
    return dataclasses.replace(build, steps=tuple(dataclasses.replace(s, log=f"with {secret}\n") for s in build.steps))


def everything_in(build: Build) -> str:
    """Return all texts of a record, with those in base64 decoded."""
    events = [json.loads(line) for line in build.trace.splitlines() if line.startswith("{")]
    warned = [w for e in events for w in e.get("warnings") or ()]
    coded = [x for w in warned for x in (w["short"], *w["detail"], w["sourceInfo"]["data"])]
    if build.provenance:
        coded += [
            build.provenance["buildConfig"]["llbDefinition"][3]["op"]["Op"]["file"]["actions"][0]["Action"]["mkfile"][
                "data"
            ]
        ]
        coded += [
            i["data"]
            for i in build.provenance["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["source"]["infos"]
        ]
    return json.dumps(build.to_json()) + spoken(events) + "".join(base64.b64decode(text).decode() for text in coded)


def test_no_field_of_a_record_holds_a_secret():
    build = leaky().fitted()
    assert "hunter2" not in everything_in(build) and "xyzzy" not in everything_in(build)
    assert build.args["PIP_NO_CACHE_DIR"] == "1" and "PIP_NO_CACHE_DIR=1" in json.dumps(build.provenance)
    assert build.key == marks.key_id()


@settings(max_examples=25, deadline=None)
@given(secrets_)
def test_no_secret_is_in_a_record(secret):
    assert secret not in everything_in(leaky(secret).fitted())


def test_marks_are_where_builds_are_compared_and_nowhere_else():
    build = leaky().fitted()
    assert has_mark(build.dockerfile) and has_mark(build.args["API_TOKEN"]) and has_mark(json.dumps(build.provenance))
    told = build.to_json()
    assert not has_mark(json.dumps({k: v for k, v in told.items() if k not in ("dockerfile", "args", "provenance")}))
    assert build.steps[1].text == f"RUN curl -u me:{HIDDEN} https://example.org"


def test_equal_secrets_have_equal_marks():
    build = leaky().fitted()
    environment = build.provenance["buildConfig"]["llbDefinition"][1]["op"]["Op"]["exec"]["meta"]["env"]
    assert environment[1] == f"API_TOKEN={build.args['API_TOKEN']}"
    assert build.args != leaky("another-secret-0815").fitted().args
    assert without_marks(build.dockerfile).count(HIDDEN) == 2


def test_a_record_passes_once():
    build = leaky().fitted()
    assert build.fitted() is build
    assert dataclasses.replace(build, key=None).fitted() == build


def test_a_record_without_secrets_stays_as_it_is_and_needs_no_key():
    build = build_of("FROM python\nRUN pip install x\n", trace=json.dumps(said("ok\n")) + "\n", provenance={"a": ["b"]})
    assert build.fitted() == dataclasses.replace(build, key="")


def test_what_only_the_caller_knows_is_hidden_too():
    build = build_of("FROM python\nRUN make\n", error=f"cannot use {SECRET}")
    assert build.fitted(Masker().knowing([SECRET])).error == f"cannot use {HIDDEN}"


def test_an_old_record_is_hidden_when_it_is_read(tmp_path):
    data = leaky().to_json()
    del data["key"]
    (tmp_path / "old.json").write_text(json.dumps(data))
    assert "hunter2" not in everything_in(Build.load(tmp_path / "old.json"))


def test_lines_of_a_dockerfile_stay_where_they_are():
    key = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"
    text = f"FROM python\nENV API_KEY='one \\\n  {SECRET}' A=1\nCOPY <<EOF /key\n{key}\nEOF\nRUN make\n"
    masked = Masker(mark=marks.mark).source(text)
    assert SECRET not in masked
    assert [(i.line, i.end_line, i.keyword) for i in read(masked)] == [
        (i.line, i.end_line, i.keyword) for i in read(text)
    ]


# -- as it comes ------------------------------------------------------------------------------------------------------


def test_a_trace_without_secrets_stays_byte_by_byte():
    trace = '{"vertexes": [ {"digest":"sha256:1","name":"RUN x"} ]}\n{"odd": 1}\nERROR: none\n' + json.dumps(
        said("\udcff ok".encode("utf-8", "surrogateescape").decode("latin-1"))
    )
    assert masked_trace(trace, Masker().knowing([SECRET])) == trace


def test_a_masked_trace_reads_as_the_same_build():
    masked = masked_trace(TRACE, Masker().knowing([SECRET]))
    mine, theirs = parse(masked, {}, Masker().source(LEAKY)), parse(TRACE, {}, LEAKY)
    assert [(s.line, s.state) for s in mine.steps] == [(s.line, s.state) for s in theirs.steps]
    assert mine.steps[0].log == f"set API_TOKEN={HIDDEN}\nok"


@settings(max_examples=100, deadline=None)
@given(secrets_, st.lists(st.integers(0, 200), max_size=8))
def test_a_secret_that_comes_in_pieces_is_hidden_in_live_events(secret, cuts):
    text = f"first\nAPI_TOKEN={secret}\r50%\rpassword=é{secret} end\nno newline at the end: --token {secret}"
    data = text.encode()
    places = sorted({0, *(c % len(data) for c in cuts), len(data)})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    live = MaskedEvents(Masker())
    shown = [
        live.masked({"logs": [{"vertex": "v", "stream": 1, "data": base64.b64encode(piece).decode()}]})
        for piece in pieces
    ]
    shown.append(live.masked({"vertexes": [{"digest": "v", "started": "a", "completed": "b"}]}))
    assert secret not in spoken(shown)
    assert spoken(shown) == Masker().text(text)


def test_a_private_key_is_hidden_in_live_events_though_it_has_many_lines():
    live = MaskedEvents(Masker())
    lines = ["before\n", "-----BEGIN PRIVATE KEY-----\n", "MIIabc\n", "xyz\n", "-----END PRIVATE KEY-----\n", "after\n"]
    assert spoken([live.masked(said(line)) for line in lines]) == f"before\n{HIDDEN}\nafter\n"


def test_everything_in_a_live_event_is_masked():
    live = MaskedEvents(Masker().knowing([SECRET]))
    shown = [live.masked(event) for event in EVENTS]
    assert "hunter2" not in json.dumps(shown) + spoken(shown)
    assert "xyzzy" not in "".join(base64.b64decode(w["sourceInfo"]["data"]).decode() for w in shown[-1]["warnings"])


def test_what_never_ends_its_line_is_shown_all_the_same():
    live = MaskedEvents(Masker())
    shown = [live.masked(said("x" * 1000)) for _ in range(200)]
    assert len(spoken(shown)) > 100_000


# -- before the build -------------------------------------------------------------------------------------------------


def test_a_definition_shows_no_secret_and_gives_the_command_the_real_one(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "Dockerfile").write_text(LEAKY)
    with App.from_path(tmp_path / "shop") as app:
        found = resolve(app, "Dockerfile", args={"API_TOKEN": SECRET})
    assert SECRET not in repr(found) and found.given_args == {"API_TOKEN": SECRET}
    assert found.dockerfile == leaky().fitted().dockerfile
    assert SECRET not in found.masker.text(f"using {SECRET}")


@pytest.mark.parametrize("option", ['id=b,"src={}"', '"src={}",id=b', '"source={}",id=b,type=file'])
@pytest.mark.parametrize("two_words", [True, False])
def test_what_secret_options_name_is_known(option, two_words, tmp_path):
    file = tmp_path / "my secrets, v=2"
    file.write_text(f"machine example.org\npassword-line-of-a-file\nAPI_KEY={SECRET}\n")
    words = ["--secret", option.format(file)] if two_words else [f"--set=web.secrets={option.format(file)}"]
    masked = masker_for(("docker", "build", *words, "."), {}, "").text(f"password-line-of-a-file, {SECRET}")
    assert masked == f"{HIDDEN}, {HIDDEN}"


# -- compared ---------------------------------------------------------------------------------------------------------


def test_a_secret_that_changed_is_a_cause_and_neither_value_is_shown():
    found = explain_against(leaky().fitted(), [leaky("another-secret-0815").fitted()])
    text = str(found) + found.evidence() + json.dumps(found.to_json())
    assert "both values are hidden" in found.of("RUN make").why
    assert not [s for s in ("hunter2", "another-secret", "(hidden:") if s in text]


def test_a_failed_build_tells_that_its_secret_changed():
    def built(secret: str) -> Build:
        return leaky(secret, provenance={}, error="ERROR").fitted()

    why = explain_against(built(SECRET), [built("another-secret-0815")]).of("RUN make").why
    assert "ARG API_TOKEN changed; both values are hidden" in why and "ENV DB_PW changed; both values are hidden" in why


def test_equal_secrets_are_no_cause():
    told = explain_against(leaky(provenance={}).fitted(), [leaky(provenance={}).fitted()])
    assert told.of("RUN make").causes[0].kind == "record gone"
    assert "API_TOKEN" not in explain_against(leaky().fitted(), [leaky().fitted()]).evidence()


@pytest.mark.parametrize("provenance", [PROVENANCE, {}])
def test_marks_of_another_key_cannot_be_compared(provenance):
    here = leaky(provenance=provenance).fitted()
    there = json.loads(json.dumps(here.to_json()).replace(here.args["API_TOKEN"], "(hidden:0123456789abcdef)"))
    (cause,) = explain_against(here, [Build.from_json(there | {"key": "89abcdef"})]).of("RUN curl").causes
    assert (
        cause.kind == "unknown"
        and "the hidden value of API_TOKEN" in cause.text
        and "couldn't be compared" in cause.text
    )


def test_without_hidden_values_another_key_makes_no_difference():
    here = build_of("FROM python\nRUN make\n").fitted()
    found = explain_against(here, [dataclasses.replace(here, key="89abcdef")])
    assert found.of("RUN make").causes[0].kind == "record gone"


# -- the key, and who can read ----------------------------------------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


MARK = "from layerlab.record import marks; print(marks.mark('x'), marks.key_id())"


def test_the_key_is_its_owners_and_stays(own_home):
    marks.mark("x")
    assert mode(own_home / marks.FILE) == 0o600 and mode(own_home) == 0o700
    mine = f"{marks.mark('x')} {marks.key_id()}"
    again = subprocess.run([sys.executable, "-c", MARK], capture_output=True, text=True, check=True).stdout.strip()
    assert again == mine


def test_processes_that_begin_together_share_a_key(tmp_path):
    environment = {**os.environ, "LAYERLAB_HOME": str(tmp_path / "home")}
    started = [
        subprocess.Popen([sys.executable, "-c", MARK], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in started}) == 1
    assert [p.name for p in (tmp_path / "home").iterdir() if "key" in p.name] == [marks.FILE]


def test_where_no_key_can_be_kept_secrets_are_hidden_all_the_same(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    environment = {**os.environ, "LAYERLAB_HOME": str(tmp_path / "file" / "home")}
    done = subprocess.run([sys.executable, "-c", MARK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("(hidden:")


def test_records_are_their_owners(own_home, tmp_path, monkeypatch):
    before = os.umask(0o022)
    try:
        (tmp_path / "there.json").write_text("{}")
        for name in ("there.json", "new.json"):
            assert mode(leaky().fitted().save(tmp_path / name)) == 0o600
        machine_dir("laptop").mkdir(parents=True)
        history.remember(leaky().fitted())
    finally:
        os.umask(before)
    (file,) = (machine_dir("laptop") / "history").glob("*/*.json")
    assert [mode(p) for p in (file, file.parent, file.parent.parent)] == [0o600, 0o700, 0o700]
    assert "hunter2" not in file.read_text()
    assert history.builds("/shop", "laptop") == [dataclasses.replace(leaky().fitted(), trace="")]


def test_a_device_keeps_its_permissions():
    before = mode(Path("/dev/null"))
    write_private(Path("/dev/null"), "x")
    assert mode(Path("/dev/null")) == before


def test_values_that_are_known_have_a_least_length():
    assert not Masker().knowing(["x" * (LONG_ENOUGH - 1)]).values
