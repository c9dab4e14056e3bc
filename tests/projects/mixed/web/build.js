// Puts the scripts into one file, makes it small, and copies the page beside it.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import uglify from "uglify-js";

const sources = ["node_modules/dayjs/dayjs.min.js", "src/board.js"];
const { code, error } = uglify.minify(Object.fromEntries(sources.map((file) => [file, readFileSync(file, "utf8")])));
if (error) throw error;
mkdirSync("dist", { recursive: true });
writeFileSync("dist/board.js", code);
cpSync("src/index.html", "dist/index.html");
console.log(`dist/board.js: ${code.length} bytes`);
