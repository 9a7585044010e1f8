"use strict";
/* Data from the server and from files (names above all) is hostile: it reaches the page through textContent and
   attributes of known meaning only. There is no innerHTML, no style attribute and no handler in markup here; the
   server's Content-Security-Policy (trusted types, one hash for this script) keeps it so. */

const BASE = new URL(".", location.href.split("#")[0]);  // also right behind a path prefix
const AT_ONCE = 2;                                        // uploads at the same time
const LADDER = [320, 640, 1024, 1920];                    // px; the widths every delivery mode allows
const KINDS = { image: "Photo", video: "Video", audio: "Song" };
const ENDED = new Set(["completed", "failed", "cancelled"]);

// ---- Elements --------------------------------------------------------------------------------------------------
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

const button = (text, click, props = {}) => el("button", { class: "button", type: "button", on: { click }, ...props }, text);
const say = (text) => { $("live").textContent = text; };
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
function later(ms, task) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(task, ms); };
}

// ---- Words -----------------------------------------------------------------------------------------------------
function size(bytes) {
  if (bytes == null) return null;
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 1000 || unit === "GB") return `${value < 10 && unit !== "B" ? value.toFixed(1) : Math.round(value)}\u00a0${unit}`;  // never broken in two
    value /= 1000;
  }
  return null;
}

function clock(seconds) {
  if (seconds == null) return null;
  const whole = seconds < 1 ? Math.ceil(seconds) : Math.floor(seconds);  // as players count
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (parts[0] ? parts : parts.slice(1)).map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}

const pixels = (thing) => (thing.width && thing.height ? `${thing.width}\u00a0×\u00a0${thing.height}` : null);
const dotted = (...parts) => parts.filter(Boolean).join(" · ");
const when = (value) => (value == null ? null : new Date(value).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));

// ---- Copying ---------------------------------------------------------------------------------------------------
async function copy(text, source, control) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // over plain http on a real network browsers give no clipboard: select, and use the old command
    getSelection().selectAllChildren(source);
    done = document.execCommand("copy");
  }
  control.replaceChildren(icon(done ? "done" : "copy"), el("span", { text: done ? "Copied" : "Press Ctrl+C" }));
  say(done ? "Copied" : "Selected: press Ctrl+C to copy");
  setTimeout(() => control.replaceChildren(icon("copy"), el("span", { text: "Copy" })), 1600);
}

function copyButton(source, label, classes = "button small") {
  const control = button("", () => copy(source.textContent, source, control), { class: classes, "aria-label": `Copy ${label}` });
  control.append(icon("copy"), el("span", { text: "Copy" }));
  return control;
}

function copyLine(text, label, link = null) {
  const code = el("code", { text, tabindex: "0", role: "textbox", "aria-readonly": "true", "aria-label": label });
  return el("div", { class: "copyline" }, code, copyButton(code, label, "button"),
    link && el("a", { class: "button", href: link, target: "_blank", rel: "noopener", "aria-label": `Open ${label} in a new tab` }, icon("open")));
}
