// ---- URLs, snippets, details ---------------------------------------------------------------------------------------
function urlBlock(pairs) {
  const lines = pairs.filter(([, url]) => url).flatMap(([label, url]) => [el("dt", { text: label }), el("dd", {}, copyLine(url, `the ${label} URL`, here(url)))]);
  return el("section", { class: "block" }, el("h3", { text: "URLs" }), el("dl", { class: "urls" }, ...lines));
}

const html = (text) => String(text).replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const shell = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const python = (text) => JSON.stringify(String(text));

function curlSnippet(asset, name, url) {
  return `# this file\ncurl -o ${name} ${shell(url)}\n\n# what the server knows about it\n`
    + `curl -H "Authorization: Bearer $RENDITOR_KEY" ${shell(new URL(assetPath(asset), BASE).href)}`;
}

function pythonSnippet(asset, lines) {
  return `import os\n\nimport httpx\n\nheaders = {"Authorization": f"Bearer {os.environ['RENDITOR_KEY']}"}\n`
    + `asset = httpx.get(${python(new URL(assetPath(asset), BASE).href)}, headers=headers).raise_for_status().json()\n${lines.join("\n")}`;
}

function imageSnippets({ asset, look }, url, shown) {
  const at = (width) => withTransformation(asset.url, transformation({ ...look, width, height: look.height && Math.round((look.height * width) / (look.width ?? width)) }));
  const most = Math.min(asset.width ?? 1920, 1920);
  const widths = look.crop === "crop" ? [] : LADDER.filter((width) => width <= most);
  const lines = [`src="${html(url)}"`];
  if (widths.length > 1) {
    lines.push(`srcset="${widths.map((width) => `${html(at(width))} ${width}w`).join(",\n          ")}"`);
    lines.push(`sizes="(max-width: ${look.width ?? most}px) 100vw, ${look.width ?? most}px"`);
  }
  if (shown) lines.push(`width="${shown.width}" height="${shown.height}"`);
  lines.push('alt="Say what the picture shows" loading="lazy" decoding="async"');
  const format = (shown?.type ?? "image/jpeg").replace("image/", "").replace("jpeg", "jpg");
  return [
    ["HTML", `<img ${lines.join("\n  ")}>`],
    ["curl", curlSnippet(asset, `picture.${format}`, url)],
    ["Python", pythonSnippet(asset, [`url = asset["url"].replace("/upload/", ${python(`/upload/${transformation(look)}/`)}, 1)`, "picture = httpx.get(url).raise_for_status().content"])],
  ];
}

/* The players and their versions are those of docs/how-to/play-a-video.md. */
const FROM_CDN = {
  hls: "https://cdn.jsdelivr.net/npm/hls.js@1.7.4/dist/hls.min.js",
  shaka: "https://cdn.jsdelivr.net/npm/shaka-player@5.2.12/dist/shaka-player.compiled.js",
};

function videoSnippets(asset) {
  const poster = asset.poster_url ? ` poster="${html(asset.poster_url)}"` : "";
  const tracks = asset.captions.map(({ kind: sort, url, language, label, default: chosen }) =>
    `  <track kind="${sort}" src="${html(url)}"${language ? ` srclang="${html(language)}"` : ""} label="${html(label)}"${chosen ? " default" : ""}>`);
  const plain = [
    `<video controls playsinline${tracks.length > 0 ? " crossorigin" : ""} preload="metadata"${poster ? `\n ${poster}` : ""}${pixels(asset) ? `\n  width="${asset.width}" height="${asset.height}"` : ""}>`,
    asset.mp4_url && `  <source src="${html(asset.mp4_url)}" type="video/mp4">`,
    ...tracks,
    "</video>",
  ].filter(Boolean);
  return [
    ["HTML", plain.join("\n")],
    asset.hls_url && ["HLS", hlsSnippet("video", asset.hls_url, `playsinline${poster}`)],
    asset.dash_url && ["DASH", dashSnippet(asset, poster)],
    ["curl", curlSnippet(asset, "video.mp4", asset.mp4_url ?? asset.url)
      + `\n\n# add captions\ncurl -H "Authorization: Bearer $RENDITOR_KEY" -X POST -T captions.vtt ${shell(new URL(assetPath(asset, "/captions?language=en"), BASE).href)}`],
    ["Python", pythonSnippet(asset, ['print(asset["hls_url"], asset["dash_url"], asset["mp4_url"], asset["poster_url"], sep="\\n")'])],
  ].filter(Boolean);
}

function hlsSnippet(tag, url, more) {
  return `<${tag} id="player" controls ${more}></${tag}>
<script src="${FROM_CDN.hls}"><\/script>
<script>
  const player = document.getElementById("player");
  const src = ${JSON.stringify(url)};
  if (Hls.isSupported()) {
    const hls = new Hls();
    hls.loadSource(src);
    hls.attachMedia(player);
  } else {
    player.src = src;  // iPhones play it themselves
  }
<\/script>`.replace(/ +>/, ">");
}

function dashSnippet(asset, poster) {
  const board = asset.storyboard_url ? `\n    .then(() => player.addThumbnailsTrack(${JSON.stringify(asset.storyboard_url)}, "text/vtt"))` : "";
  return `<video id="player" controls playsinline${poster}></video>
<script src="${FROM_CDN.shaka}"><\/script>
<script>
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  player.attach(document.getElementById("player"))
    .then(() => player.load(${JSON.stringify(asset.dash_url)}))${board}
    .catch((error) => console.error(error.code, error.message));
<\/script>`;
}

function waveformSnippet(asset) {
  return `<div id="wave"></div>
<script type="module">
  import WaveSurfer from "https://cdn.jsdelivr.net/npm/wavesurfer.js@7/dist/wavesurfer.esm.js";
  const { data } = await (await fetch(${JSON.stringify(asset.waveform_url)})).json();
  const peaks = data.filter((_, place) => place % 2).map((highest) => highest / 128);
  WaveSurfer.create({ container: "#wave", url: ${JSON.stringify(asset.url)}, peaks: [peaks], duration: ${asset.duration}, mediaControls: true });
<\/script>`;
}

function audioSnippets(asset, others) {
  const source = (url, type) => `  <source src="${html(url)}"${type ? ` type="${html(type)}"` : ""}>`;
  const first = asset.renditions.find(({ kind: made, url }) => made === "audio" && ending(url) === ending(asset.url));
  return [
    ["HTML", ["<audio controls preload=\"metadata\">", source(asset.url, first?.content_type), ...others.map((one) => source(one.url, one.content_type)), "</audio>"].join("\n")],
    asset.hls_url && ["HLS", hlsSnippet("audio", asset.hls_url, "")],
    asset.waveform_url && ["Waveform", waveformSnippet(asset)],
    ["curl", curlSnippet(asset, `sound.${ending(asset.url)}`, asset.url)],
    ["Python", pythonSnippet(asset, ['sound = httpx.get(asset["url"]).raise_for_status().content'])],
  ].filter(Boolean);
}

/* Puts a new version of the same controls into a box: whoever is on one of them by keyboard stays on it. */
function renew(box, child) {
  const controls = () => [...box.querySelectorAll("a, button, [tabindex]")];
  const held = controls().indexOf(document.activeElement);
  box.replaceChildren(child);
  controls()[held]?.focus({ preventScroll: true });
}

let snippetTab = "HTML";  // the language chosen last stays chosen

function snippets(pairs) {
  const code = el("code");
  const panel = el("pre", { role: "tabpanel", tabindex: "0", "aria-label": "Snippet" }, code);
  const tabs = pairs.map(([name], index) => el("button", { type: "button", role: "tab", text: name, on: {
    click: () => pick(index),
    keydown: ({ key: pressed }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[pressed];
      if (step) { pick((index + step + tabs.length) % tabs.length).focus(); }
    },
  } }));
  function pick(index) {
    tabs.forEach((tab, at) => { tab.setAttribute("aria-selected", String(at === index)); tab.tabIndex = at === index ? 0 : -1; });
    snippetTab = pairs[index][0];
    code.textContent = pairs[index][1];
    return tabs[index];
  }
  pick(Math.max(0, pairs.findIndex(([name]) => name === snippetTab)));
  return el("section", { class: "snippet", "aria-label": "Snippets" },
    el("div", { class: "tabs" }, el("div", { role: "tablist", "aria-label": "Language" }, ...tabs), copyButton(code, "the snippet")), panel);
}

function details({ asset }) {
  const facts = [["Asset", asset.id], ["Public id", asset.public_id], ["Type", asset.content_type], ["Size", asset.bytes == null ? null : `${asset.bytes.toLocaleString()} bytes`],
    ["SHA-256", asset.sha256], ["Visibility", asset.visibility]].filter(([, value]) => value);
  const list = el("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { class: "mono", text: value })]));
  const made = asset.renditions;
  const cells = (one) => [one.kind, one.url ? el("a", { href: here(one.url), target: "_blank", rel: "noopener", text: one.name.startsWith(".") ? `unchanged${one.name}` : one.name }) : one.name, pixels(one) ?? "–", size(one.bytes)];
  const table = made.length > 0 && el("div", { class: "block" }, el("h3", { text: "Stored renditions" }), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stored renditions" }, el("table", {},
    el("thead", {}, el("tr", {}, ...["Kind", "Name", "Pixels", "Size"].map((text) => el("th", { text, scope: "col" })))),
    el("tbody", {}, ...made.map((one) => el("tr", {}, ...cells(one).map((cell) => el("td", {}, cell))))))));
  return el("div", { class: "pair-of-blocks" }, el("div", { class: "block" }, el("h3", { text: "Details" }), list), table);
}
