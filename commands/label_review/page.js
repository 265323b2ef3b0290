// Verdicts on labels by the pixels of the image, and on pairs by the pixels of both. They are kept for this version of
// the dataset.
const key = `label-review ${version}`;
let verdicts = { labels: {}, pairs: {} };
try {
  verdicts = JSON.parse(localStorage.getItem(key)) ?? verdicts;
} catch {
  document.getElementById("unsaved").hidden = false;
}

const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const blocks = all(".block");
const pixels = (block) => block.dataset.pixels;
const sides = (pair) => all(".side", pair);
const pairKey = (pair) => sides(pair).map(pixels).sort().join(" ");
const isPair = (block) => block.classList.contains("pair");
const isRemoved = (block) => verdicts.labels[pixels(block)] === "remove";

function save() {
  try {
    localStorage.setItem(key, JSON.stringify(verdicts));
  } catch {
    document.getElementById("unsaved").hidden = false;
  }
}

// Shows the verdicts. An image that is on the page twice has the same verdict in both places.
function show() {
  for (const block of blocks.filter(pixels)) {
    const verdict = verdicts.labels[pixels(block)] ?? "";
    const select = block.querySelector("select");
    const radio = all("input", block).find((input) => input.value === verdict);
    for (const input of all("input", block)) input.checked = input === radio;
    select.value = radio ? "" : verdict;
    select.closest(".choice").classList.toggle("chosen", !radio);
    block.classList.toggle("decided", verdict !== "");
  }
  for (const pair of blocks.filter(isPair)) {
    const relation = verdicts.pairs[pairKey(pair)] ?? "";
    for (const input of all(".relation input", pair)) input.checked = input.value === relation;
    pair.classList.toggle("decided", relation !== "" || sides(pair).some(isRemoved));
  }
  const questions = all(".question");
  const decided = questions.filter((question) => question.classList.contains("decided")).length;
  document.getElementById("progress").value = decided;
  document.getElementById("count").textContent = `${decided} of ${questions.length} decided`;
}

function decide(block, verdict) {
  const [of, name] = isPair(block) ? [verdicts.pairs, pairKey(block)] : [verdicts.labels, pixels(block)];
  if (verdict) of[name] = verdict;
  else delete of[name];
  save();
  show();
  const words = { keep: "kept", remove: "to be removed", same: "the same object", different: "different objects" };
  const text = verdict ? (words[verdict] ?? `to be ${verdict.replace("class:", "")}`) : "undecided";
  say(`${block.dataset.path ?? block.querySelector("h3").textContent}: ${text}`);
}

function say(text) {
  document.getElementById("status").textContent = text;
}

// The rows of verdicts.csv. A pair of which one image is removed needs no verdict.
function rows() {
  const rows = new Map();
  const add = (...cells) => rows.set(cells.join("\n"), cells);
  for (const block of blocks.filter(pixels)) {
    const verdict = verdicts.labels[pixels(block)];
    if (verdict) add(block.dataset.path, pixels(block), verdict);
  }
  for (const pair of blocks.filter(isPair)) {
    const relation = verdicts.pairs[pairKey(pair)];
    const [one, other] = sides(pair);
    if (!relation || isRemoved(one) || isRemoved(other)) continue;
    add(one.dataset.path, pixels(one), `${relation}:${other.dataset.path}`);
    add(other.dataset.path, pixels(other), `${relation}:${one.dataset.path}`);
  }
  return [...rows.values()];
}

function download() {
  const verdictRows = rows();
  if (!verdictRows.length) {
    say("Nothing is decided yet: there is nothing to download.");
    return;
  }
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = [["path", "pixels", "verdict"], ...verdictRows].map((row) => row.map(quoted).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = "verdicts.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(`verdicts.csv has ${verdictRows.length} rows: run make relabel VERDICTS=verdicts.csv with the path of the download.`);
}

// The letter of a key, also on keyboards with other letters.
function letter(event) {
  return /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code.replace("Key", "").toLowerCase();
}

function go(step) {
  const current = document.activeElement.closest(".block");
  const place = blocks.indexOf(current);
  const next = blocks[current ? place + step : step > 0 ? 0 : -1];
  if (!next) {
    say(step > 0 ? "This is the last image." : "This is the first image.");
    return;
  }
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "start" });
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !document.getElementById("shortcuts").checked) return;
  const block = event.target.closest(".block");
  if (event.target.matches("select")) {
    if (event.key === "Enter" || event.key === "Escape") {
      block.focus({ preventScroll: true });
      event.preventDefault();
    }
    return;
  }
  const pressed = letter(event);
  if (pressed === "n" || pressed === "p") {
    go(pressed === "n" ? 1 : -1);
  } else if ("kacrusd".includes(pressed)) {
    if (!block) {
      say("Press N to go to the first image.");
      return;
    }
    choose(block, pressed);
  } else return;
  event.preventDefault();
}

// Letters of a pair also work on its images, whose own letters come first.
function choose(block, pressed) {
  const { suggested } = block.querySelector(".verdict").dataset;
  const pair = block.closest(".pair");
  if (pair && pressed === "s") decide(pair, "same");
  else if (pair && pressed === "d") decide(pair, "different");
  else if (pressed === "u") decide(block, "");
  else if (isPair(block)) say("Press N to go to the first image of the pair, for a verdict on its label.");
  else if (pressed === "k") decide(block, "keep");
  else if (pressed === "r") decide(block, "remove");
  else if (pressed === "c") block.querySelector("select").focus();
  else if (pressed === "a" && suggested) decide(block, `class:${suggested}`);
  else say("This key has no meaning here.");
}

for (const block of blocks.filter(pixels)) {
  const { label } = block.querySelector(".verdict").dataset;
  const select = block.querySelector("select");
  for (const name of classes.filter((name) => name !== label)) select.add(new Option(name, `class:${name}`));
  select.addEventListener("change", () => decide(block, select.value));
  for (const input of all("input", block)) input.addEventListener("change", () => decide(block, input.value));
}
for (const pair of blocks.filter(isPair)) {
  for (const input of all(".relation input", pair)) {
    input.addEventListener("change", () => decide(pair, input.value));
  }
}
document.getElementById("download").addEventListener("click", download);
document.addEventListener("keydown", press);
// Another window with this page may have changed them.
addEventListener("storage", (event) => {
  if (event.key !== key) return;
  verdicts = JSON.parse(event.newValue) ?? { labels: {}, pairs: {} };
  show();
});
show();
