// ---- Picture: preview and playground -----------------------------------------------------------------------------
const CROPS = { limit: "Limit", fit: "Fit", fill: "Fill", pad: "Pad", crop: "Crop", scale: "Scale" };
const FORMATS = { auto: "Auto", avif: "AVIF", webp: "WebP", jpg: "JPEG", png: "PNG" };
const GRAVITIES = ["north_west", "north", "north_east", "west", "center", "east", "south_west", "south", "south_east"];
const PLACED = new Set(["fill", "pad", "crop"]);  // the modes that ask where to cut or place

function transformation({ width, height, crop, gravity, format, quality }) {
  const sized = Boolean(width || height);
  return [
    sized && `c_${crop}`,
    `f_${format}`,
    sized && PLACED.has(crop) && gravity !== "center" && `g_${gravity}`,
    height && `h_${height}`,
    quality && `q_${quality}`,
    width && `w_${width}`,
  ].filter(Boolean).join(",");
}

function imageStage(entry) {
  const { asset } = entry;
  entry.look ??= { width: LADDER.findLast((width) => width <= Math.min(asset.width ?? 1024, 1024)) ?? null, height: null, crop: "limit", gravity: "center", format: "auto", quality: null };
  const { look } = entry;
  const picture = el("img", { alt: `Preview of ${title(entry)}` });
  const sheet = el("div", { class: "sheet glass" }, picture);
  const caption = el("figcaption");
  const live = el("div");
  const code = el("div");
  let shown = null;

  const describe = () => {
    const url = withTransformation(asset.url, transformation(look));
    renew(live, copyLine(url, "the URL of this rendition", here(url)));
    renew(code, snippets(imageSnippets(entry, url, shown)));
  };
  const load = preview(entry, sheet, picture, caption, (result) => { shown = result; describe(); });
  const changed = later(220, () => { describe(); load(); });
  describe();
  load();

  return [
    el("div", { class: "bench with-tools" },
      el("figure", { class: "frame" }, el("div", { class: "marked" }, sheet), caption),
      playground(entry, changed)),
    el("section", { class: "block" }, el("h3", { text: "URL of this rendition" }), live),
    code,
    details(entry),
  ];
}

function preview(entry, sheet, picture, caption, done) {
  let request = null;
  let blob = null;
  const drop = () => { if (blob) URL.revokeObjectURL(blob); };
  released.push(() => { request?.abort(); drop(); });
  return async () => {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    sheet.classList.add("waiting");
    const started = performance.now();
    try {
      // Fetched rather than set as src, so that size, type and an error text can be shown. Accept as an <img> sends it.
      const url = here(withTransformation(entry.asset.url, transformation(entry.look)));
      const response = await fetch(url, { signal, headers: { Accept: "image/avif,image/webp,image/*,*/*;q=0.8" } });
      if (!response.ok) throw Problem.from(response.status, await response.text());
      const content = await response.blob();
      const milliseconds = Math.round(performance.now() - started);
      if (signal.aborted) return;
      drop();
      blob = URL.createObjectURL(content);
      picture.src = blob;
      await picture.decode().catch(() => { throw new Problem({ title: "This browser cannot show it", detail: `The server sent ${content.type}.` }); });
      const result = { width: picture.naturalWidth, height: picture.naturalHeight, type: content.type, bytes: content.size };
      sheet.replaceChildren(picture);
      caption.replaceChildren(...captionParts(result, entry.asset.bytes, milliseconds));
      done(result);
    } catch (problem) {
      if (signal.aborted) return;
      caption.replaceChildren();
      sheet.replaceChildren(problemBox(problem instanceof Problem ? problem : Problem.unreachable()));
    }
    sheet.classList.remove("waiting");
  };
}

function captionParts(result, original, milliseconds) {
  const saved = Math.round(100 * (1 - result.bytes / original));
  return [
    el("b", { text: pixels(result) }), result.type.replace("image/", "").toUpperCase(), size(result.bytes),
    saved > 0 && el("span", { class: "gain", text: `${saved} % smaller than the original` }),
    `${milliseconds} ms`,
  ].filter(Boolean).map((part) => (typeof part === "string" ? el("span", { text: part }) : part));
}

function playground(entry, changed) {
  const { asset, look } = entry;
  const tools = el("form", { class: "tools card", "aria-label": "Playground", on: { submit: (event) => event.preventDefault() } });
  const rebuild = (focusName) => {
    const place = PLACED.has(look.crop) && segments("gravity", "Gravity", GRAVITIES.map((name) => [name, ""]), look.gravity, (value) => { look.gravity = value; changed(); }, "segments compass");
    tools.replaceChildren(
      widthTool(look, asset, changed),
      segments("crop", "Crop mode", Object.entries(CROPS), look.crop, (value) => {
        look.crop = value;
        if (PLACED.has(value)) look.height ??= look.width;  // these modes show nothing without a box
        rebuild("crop");
        changed();
      }),
      ...(place ? [place] : []),
      segments("format", "Format", Object.entries(FORMATS), look.format, (value) => { look.format = value; changed(); }),
      qualityTool(look, changed));
    if (focusName) tools.querySelector(`[name=${focusName}]:checked`).focus();
  };
  rebuild();
  return tools;
}

function widthTool(look, asset, changed) {
  const most = asset.width ?? 4096;
  const slider = el("input", { type: "range", min: "16", max: String(most), value: String(look.width ?? most), "aria-label": "Width, px" });
  const numbers = { width: null, height: null };
  const number = (name, label) => {
    numbers[name] = el("input", { class: "field", type: "number", name, min: "1", max: "16384", inputmode: "numeric", placeholder: "auto", value: look[name] ?? "", on: {
      input: () => {
        look[name] = numbers[name].checkValidity() && numbers[name].value ? Number(numbers[name].value) : null;
        if (name === "width") slider.value = String(look.width ?? most);
        changed();
      },
    } });
    return el("label", {}, el("span", { class: "label", text: label }), numbers[name]);
  };
  // The number follows at once; the picture only when the thumb is let go: every width is a rendition that is stored.
  slider.addEventListener("input", () => { look.width = Number(slider.value); numbers.width.value = slider.value; });
  slider.addEventListener("change", changed);
  const steps = LADDER.filter((width) => width <= most).map((width) => button(String(width), () => {
    look.width = width;
    slider.value = numbers.width.value = String(width);
    changed();
  }, { class: "button small", "aria-label": `Width ${width} px` }));
  return el("div", { class: "block" }, el("div", { class: "pair" }, number("width", "Width"), number("height", "Height")), slider, el("div", { class: "segments" }, ...steps));
}

function qualityTool(look, changed) {
  const shown = el("output");
  const slider = el("input", { type: "range", min: "1", max: "100", value: String(look.quality ?? 80), "aria-label": "Quality" });
  const reset = button("Use the server’s default", () => { look.quality = null; tell(); changed(); }, { class: "button quiet small" });
  const tell = () => { shown.textContent = look.quality ?? "server’s default"; reset.hidden = look.quality === null; };
  slider.addEventListener("input", () => { look.quality = Number(slider.value); tell(); });
  slider.addEventListener("change", changed);
  tell();
  return el("div", {}, el("div", { class: "label" }, "Quality", shown), slider, reset);
}

function segments(name, legend, options, value, changed, classes = "segments") {
  return el("fieldset", {}, el("legend", { text: legend }), el("div", { class: classes }, ...options.map(([id, label]) => el("label", {},
    el("input", { type: "radio", name, value: id, checked: id === value, "aria-label": label || id.replace("_", " "), on: { change: () => changed(id) } }),
    el("span", { text: label })))));
}
