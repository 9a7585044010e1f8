// ---- Video and sound -----------------------------------------------------------------------------------------------
function videoStage(entry) {
  const { asset } = entry;
  const video = el("video", { controls: true, playsinline: true, preload: "metadata", poster: asset.poster_url && here(asset.poster_url), "aria-label": title(entry) });
  const sheet = el("div", { class: "sheet" }, video);
  const native = asset.hls_url && video.canPlayType("application/vnd.apple.mpegurl");
  const sources = [native && asset.hls_url, asset.mp4_url ?? asset.url].filter(Boolean);
  const caption = el("figcaption", {}, el("span", { text: native ? "Playing the adaptive stream (HLS)" : "Playing the MP4: this browser has no HLS of its own" }));
  const play = () => { video.src = here(sources.shift()); };
  video.addEventListener("error", () => {
    if (sources.length > 0) { caption.replaceChildren(el("span", { text: "Playing the MP4" })); play(); }
    else sheet.replaceChildren(problemBox(new Problem({ title: "This browser cannot play it", detail: video.error?.message ?? "" })));
  });
  video.addEventListener("loadedmetadata", () => {
    if (video.textTracks.length === 0) video.append(...asset.captions.map(trackElement));  // Safari has those of the stream already
  });
  play();
  released.push(() => stopPlaying(video));
  return [
    el("figure", { class: "frame" }, el("div", { class: "marked" }, sheet), caption),
    asset.storyboard_url && storyboard(asset, video),
    asset.hls_url && captionsBlock(entry),
    urlBlock([["HLS", asset.hls_url], ["DASH", asset.dash_url], ["MP4", asset.mp4_url], ["Poster", asset.poster_url], ["Storyboard", asset.storyboard_url],
      ["Preview", asset.preview_url], ["Chapters", asset.chapters_url], ...asset.captions.map(({ label, url }) => [`Captions: ${label}`, url])]),
    snippets(videoSnippets(asset)),
    details(entry),
  ].filter(Boolean);
}

const trackElement = ({ kind: sort, url, language, label, default: chosen }) => el("track", { kind: sort, src: here(url), srclang: language, label, default: chosen });

const SOUNDS = { mp3: "MP3", m4a: "M4A (AAC)", opus: "Opus" };

/* Named like the asset and not like the stored file, so that an overwrite leads to the new sound. */
function otherSounds(asset) {
  return asset.renditions
    .filter(({ kind: made, url }) => made === "audio" && ending(url) !== ending(asset.url))
    .map((one) => ({ ...one, url: asset.url.replace(/\.\w+$/, `.${ending(one.url)}`) }));
}

function audioStage(entry) {
  const { asset } = entry;
  const audio = el("audio", { controls: true, preload: "metadata", src: here(asset.url), "aria-label": title(entry) });
  const head = el("div", { class: "head" }, icon("audio"));
  const sheet = el("div", { class: "sheet" }, el("div", { class: "disc" }, head, audio));
  audio.addEventListener("error", () => sheet.replaceChildren(problemBox(new Problem({ title: "This browser cannot play it", detail: audio.error?.message ?? "" }))));
  released.push(() => stopPlaying(audio));
  if (asset.waveform_url) waveform(asset, audio, head);
  const others = otherSounds(asset);
  return [
    el("figure", { class: "frame" }, el("div", { class: "marked" }, sheet)),
    urlBlock([...[asset.url, ...others.map(({ url }) => url)].map((url) => [SOUNDS[ending(url)] ?? ending(url).toUpperCase(), url]),
      ["HLS", asset.hls_url === asset.url ? null : asset.hls_url], ["DASH", asset.dash_url], ["Waveform", asset.waveform_url], ["As a picture", pictureOfWaveform(asset)],
      ["Chapters", asset.chapters_url]]),
    snippets(audioSnippets(asset, others)),
    details(entry),
  ];
}

function stopPlaying(media) {
  media.pause();
  media.removeAttribute("src");
  media.load();  // lets go of the connection
}

// ---- Storyboard: a moment each, as buttons -------------------------------------------------------------------------
const MOMENTS = 12;  // more would be a long way for those who go from button to button
const TILE = /(?:(\d+):)?(\d\d):(\d\d\.\d{3}) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

function storyboard(asset, video) {
  const list = el("ol", { class: "moments" });
  const block = el("section", { class: "block", hidden: true }, el("h3", { text: "Storyboard" }), list);
  tilesOf(here(asset.storyboard_url)).then((tiles) => {
    const step = Math.ceil(tiles.length / MOMENTS);
    const shown = tiles.filter((_, index) => index % step === 0);
    list.append(...shown.map((tile) => el("li", {}, moment(tile, video))));
    block.hidden = shown.length < 2;
  }).catch(() => block.remove());  // an extra: everything else works without it
  return block;
}

async function tilesOf(address) {
  const response = await fetch(address);
  if (!response.ok) throw Problem.from(response.status, await response.text());
  const sheets = new Map();
  return [...(await response.text()).matchAll(TILE)].map(([, hours, minutes, seconds, file, ...box]) => {
    const url = new URL(file, address).href;
    if (!sheets.has(url)) sheets.set(url, sheetAt(url));
    return { start: 3600 * Number(hours ?? 0) + 60 * Number(minutes) + Number(seconds), sheet: sheets.get(url), box: box.map(Number) };
  });
}

async function sheetAt(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return picture;
}

function moment({ start, sheet, box: [x, y, width, height] }, video) {
  const canvas = el("canvas", { width, height, "aria-hidden": "true" });
  sheet.then((picture) => canvas.getContext("2d").drawImage(picture, x, y, width, height, 0, 0, width, height)).catch(() => {});
  const time = clock(Math.floor(start));
  return el("button", { type: "button", "aria-label": `Go to ${time}`, on: { click: () => { video.currentTime = start; } } }, canvas, el("span", { text: time }));
}

// ---- Captions ------------------------------------------------------------------------------------------------------
function captionsBlock(entry) {
  const { asset } = entry;
  const trouble = el("div");
  /* Whatever was changed: the asset is shown as it is now. */
  const change = async (words, ...request) => {
    try {
      await call(...request);
      const renewed = await call("GET", assetPath(asset));
      say(words);
      if (entry.gone) return;
      entry.asset = renewed;
      if (entry === selected) await show(entry);
    } catch (problem) {
      trouble.replaceChildren(problemBox(problem));
    }
  };
  const line = (track) => el("li", {},
    el("b", { text: track.label }), el("span", { text: dotted(track.language, track.kind, track.default && "default", track.forced && "forced") }),
    button("Remove", () => change(`${track.label} removed`, "DELETE", assetPath(asset, `/captions/${encodeURIComponent(track.name)}`)), { class: "button quiet small", "aria-label": `Remove ${track.label}` }));
  const list = asset.captions.length > 0 ? el("ul", { class: "tracks" }, ...asset.captions.map(line)) : el("p", { class: "lede", text: "None yet." });
  return el("section", { class: "block" }, el("h3", { text: "Captions" }), list, captionsForm((file, query) => {
    trouble.replaceChildren();
    return change("Captions added", "POST", assetPath(asset, `/captions?${query}`), new Blob([file], { type: "text/plain" }));  // the server looks inside
  }), trouble);
}

function captionsForm(add) {
  const file = el("input", { class: "field", type: "file", name: "file", accept: ".vtt,.srt", required: true });
  const language = el("input", { class: "field", name: "language", placeholder: "en", size: "6", spellcheck: "false", autocapitalize: "off" });
  const label = el("input", { class: "field", name: "label", maxlength: "60", placeholder: "as the language" });
  const sort = el("select", { class: "field", name: "kind" }, ...["subtitles", "captions"].map((value) => el("option", { value, text: value })));
  const chosen = el("input", { type: "checkbox", name: "default" });
  const send = el("button", { class: "button", type: "submit", text: "Add" });
  const submit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    const query = new URLSearchParams({ kind: sort.value, default: String(chosen.checked) });
    for (const { name, value } of [language, label]) if (value.trim()) query.set(name, value.trim());
    await add(file.files[0], query);
    send.disabled = false;
  };
  const field = (text, control) => el("label", {}, el("span", { text }), control);
  return el("form", { class: "add-captions", "aria-label": "Add captions", on: { submit } },
    field("WebVTT or SRT file", file), field("Language", language), field("Label", label), field("Kind", sort),
    el("label", { class: "tick" }, chosen, "Shown by default"), send);
}

// ---- Waveform: where it is loud, and a place to seek in --------------------------------------------------------------
const COLUMNS = 480;

const pictureOfWaveform = ({ waveform_url: url }) => url?.replace(/\.json$/, ".svg");

async function waveform(asset, audio, place) {
  try {
    const response = await fetch(here(asset.waveform_url));
    if (!response.ok) return;  // an extra: the player works without it
    place.replaceChildren(seekBar(audio, outline(await response.json()), asset.duration));
  } catch { /* the same */ }
}

/* An SVG path around the samples of each column. The loudest one is 1, so that quiet sound can be seen as well; the
   first channel is enough to see where one is. */
function outline({ channels, length, data }) {
  const columns = Math.min(length, COLUMNS);
  const full = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const upper = [];
  const lower = [];
  for (let column = 0; column < columns; column += 1) {
    let [lowest, highest] = [0, 0];
    for (let point = Math.floor((column * length) / columns); point < Math.floor(((column + 1) * length) / columns); point += 1) {
      lowest = Math.min(lowest, data[2 * channels * point]);
      highest = Math.max(highest, data[2 * channels * point + 1]);
    }
    upper.push(`${column / columns},${-highest / full - 0.01}`);
    lower.unshift(`${column / columns},${-lowest / full + 0.01}`);
  }
  return `M${[...upper, ...lower].join("L")}Z`;
}

function drawn(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function seekBar(audio, path, duration) {
  const played = drawn("rect", { x: "0", y: "-1.1", width: "0", height: "2.2" });
  const picture = drawn("svg", { viewBox: "0 -1.05 1 2.1", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("clipPath", { id: "played" }, played), drawn("path", { d: path }), drawn("path", { d: path, class: "played", "clip-path": "url(#played)" }));
  const bar = el("input", { type: "range", min: "0", max: String(duration), step: "0.1", value: "0", "aria-label": "Position" });
  const tell = () => {
    bar.value = String(audio.currentTime);
    bar.setAttribute("aria-valuetext", `${clock(Math.floor(audio.currentTime))} of ${clock(duration)}`);
    played.setAttribute("width", String(Math.min(1, audio.currentTime / duration)));
  };
  bar.addEventListener("input", () => { audio.currentTime = Number(bar.value); });
  for (const event of ["timeupdate", "seeking"]) audio.addEventListener(event, tell);
  tell();
  return el("div", { class: "wave" }, picture, bar);
}
