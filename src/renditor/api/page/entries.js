// ---- Entries: one per file on this page, from its choice to its asset --------------------------------------------
const entries = [];  // newest first
let selected = null;
let nextCursor = null;

function newEntry(fields) {
  const entry = { phase: "queued", progress: 0, stage: "", problem: null, file: null, asset: null, whole: false, gone: false, playable: null, hush: null, ...fields };
  entry.row = row(entry);
  return entry;
}

const title = (entry) => entry.asset?.filename || entry.file?.name || entry.asset?.public_id || "Untitled";
const kind = (entry) => entry.asset?.media_type ?? (entry.file?.type ?? "").split("/")[0];

function take(page) {
  for (const asset of page.items) {
    if (entries.some((entry) => entry.asset?.id === asset.id)) continue;
    const entry = newEntry({ asset });
    entries.push(entry);
    $("items").append(entry.row.node);
    adopt(entry, asset);
  }
  nextCursor = page.next_cursor ?? null;
  $("more").hidden = nextCursor === null;
  count();
}

function count() {
  $("workspace").toggleAttribute("data-empty", entries.length === 0);
  $("count").textContent = `${entries.length}${nextCursor === null ? "" : "+"}`;
}

function adopt(entry, asset, whole = false) {
  entry.asset = asset;
  entry.whole = whole;
  entry.stage = asset.stage ?? "";
  entry.problem = asset.error ? new Problem({ title: "Processing failed", ...asset.error }) : null;
  setPhase(entry, asset.status === "uploaded" ? "processing" : asset.status, asset.progress ?? 0);
  if (!ENDED.has(entry.phase)) follow(entry);
}

function setPhase(entry, phase, progress = entry.progress) {
  const changed = entry.phase !== phase;
  Object.assign(entry, { phase, progress });
  paint(entry);
  if (entry !== selected) return;
  if (changed) show(entry);
  else entry.update?.();
}

function statusText(entry) {
  const { phase, asset, file } = entry;
  if (phase === "queued") return "Waiting for its turn";
  if (phase === "uploading") return `Uploading ${entry.progress} % of ${size(file.size)}`;
  if (phase === "checking") return "Checking the file";
  if (phase === "processing") return `${stageWords(entry)} ${entry.progress} %`;
  if (phase === "failed") return entry.problem?.title ?? "Failed";
  if (phase === "cancelled") return "Cancelled";
  return dotted(asset.media_type === "image" ? pixels(asset) : clock(asset.duration), size(asset.bytes));
}

function stageWords(entry) {
  const words = (entry.stage || "processing").replaceAll(/[_-]+/g, " ");
  return words[0].toUpperCase() + words.slice(1);
}

function row(entry) {
  const thumb = el("span", { class: "thumb" });
  const name = el("span", { class: "name" });
  const sub = el("span", { class: "sub" });
  const bar = el("progress", { max: "100", "aria-label": "Progress" });
  const pick = el("button", { class: "pick", type: "button", on: { click: () => select(entry, "detail", true) } }, thumb, name, sub);
  const stop = button(icon("close"), () => (entry.phase === "failed" ? remove(entry) : cancel(entry)), { class: "button quiet stop" });
  return { node: el("li", {}, pick, stop, bar), thumb, name, sub, bar, pick, stop, picture: null };
}

function paint(entry) {
  const { node, thumb, name, sub, bar, pick, stop } = entry.row;
  const busy = !ENDED.has(entry.phase);
  node.dataset.phase = entry.phase;
  node.classList.toggle("selected", entry === selected);
  pick.setAttribute("aria-current", entry === selected ? "true" : "false");
  name.textContent = title(entry);
  sub.textContent = statusText(entry);
  bar.hidden = !busy;
  if (entry.phase === "checking") bar.removeAttribute("value");
  else bar.value = entry.progress;
  stop.hidden = !(busy || (entry.phase === "failed" && !entry.asset));
  stop.setAttribute("aria-label", `${busy ? "Cancel" : "Dismiss"} ${title(entry)}`);
  const picture = thumbnail(entry) ?? kind(entry);
  if (picture !== entry.row.picture) {
    entry.row.picture = picture;
    const fallback = icon(KINDS[kind(entry)] ? kind(entry) : "file");
    thumb.replaceChildren(thumbnail(entry)
      ? el("img", { src: picture, alt: "", loading: "lazy", decoding: "async", on: { error: () => thumb.replaceChildren(fallback) } })
      : fallback);
  }
}

function thumbnail({ phase, asset }) {
  if (phase !== "completed" || asset.visibility === "private") return null;
  if (asset.media_type === "image") return here(withTransformation(asset.url, "c_limit,f_auto,w_320"));
  return asset.poster_url ? here(asset.poster_url) : null;
}
