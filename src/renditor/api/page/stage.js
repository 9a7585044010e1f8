// ---- Choosing what the stage shows -------------------------------------------------------------------------------
let shows = 0;      // counts what the stage has shown, so that a late answer knows that it is late
let released = [];  // what to let go of when the stage shows something else: blob URLs, requests, players

function release() {
  shows += 1;
  for (const task of released) task();
  released = [];
}

/* The fragment names what was opened by hand, so that Back (on a phone: to the list) and reload do what they should. */
const address = (entry) => `#asset=${encodeURIComponent(entry.asset?.id ?? "")}`;
const named = () => {
  const id = new URLSearchParams(location.hash.slice(1)).get("asset");
  return entries.find((entry) => entry.asset?.id === id);
};

function select(entry, view, byHand = false) {
  const before = selected;
  selected = entry;
  for (const one of [before, entry]) if (one) paint(one);
  $("workspace").dataset.view = view;
  if (byHand) history.pushState(null, "", address(entry));
  else history.replaceState(null, "", view === "detail" ? address(entry) : location.pathname);
  if (before !== entry || byHand) show(entry);
  if (byHand) {
    if (matchMedia("(max-width: 860px)").matches) scrollTo(0, 0);
    $("stage").querySelector("h2").focus({ preventScroll: true });
  }
}

/* Lists leave renditions out: the whole asset is asked for when it is first shown. */
async function complete(entry) {
  try {
    entry.asset = await call("GET", assetPath(entry.asset));
    entry.whole = true;
    return null;
  } catch (problem) {
    return problemBox(problem, button("Try again", () => show(entry)));
  }
}

async function show(entry) {
  const stage = $("stage");
  const hadFocus = stage.contains(document.activeElement);
  release();
  const turn = shows;
  entry.update = null;
  const back = button("", () => { $("workspace").dataset.view = "list"; history.replaceState(null, "", location.pathname); }, { class: "button quiet", id: "back" });
  back.append(icon("back"), "All media");
  stage.replaceChildren(back, heading(entry));
  if (hadFocus) stage.querySelector("h2").focus({ preventScroll: true });
  const failure = ENDED.has(entry.phase) && entry.asset && !entry.whole ? await complete(entry) : null;
  if (turn !== shows) return;  // something else was opened in the meantime
  stage.append(...(failure ? [failure] : content(entry)));
}

function heading(entry) {
  const bin = button(icon("bin"), () => remove(entry), { "aria-label": `Delete ${title(entry)}` });
  bin.append("Delete");
  const { asset } = entry;
  const facts = asset
    ? dotted(KINDS[asset.media_type], pixels(asset), clock(asset.duration), size(asset.bytes), when(asset.created_at))
    : dotted(KINDS[kind(entry)], size(entry.file.size));
  return el("div", { class: "title" },
    el("div", {}, el("h2", { text: title(entry), tabindex: "-1" }), el("p", { text: facts })),
    ENDED.has(entry.phase) && asset && bin);
}

function content(entry) {
  const { phase, asset } = entry;
  if (phase === "failed") {
    const again = entry.file && !asset && button("Try again", () => retry(entry));
    const away = !asset && button("Dismiss", () => discard(entry), { class: "button quiet" });
    return [problemBox(entry.problem ?? new Problem({ title: "Processing failed" }), ...[again, away].filter(Boolean)), asset && details(entry)].filter(Boolean);
  }
  if (phase === "cancelled") return [el("p", { class: "note", text: "Cancelled before it was finished. The original is kept until you delete it." }), details(entry)];
  if (phase !== "completed") return [working(entry)];
  if (asset.visibility === "private") return [privateNote(entry), details(entry)];
  return { image: imageStage, video: videoStage, audio: audioStage }[asset.media_type](entry);
}

const WORKING = {
  queued: `Files are sent ${AT_ONCE} at a time.`,
  checking: "It has arrived. The server is looking at what is inside.",
};

function working(entry) {
  const figure = el("div", { class: "big" });
  const bar = el("progress", { max: "100", "aria-label": `Progress of ${title(entry)}` });
  const words = el("p");
  const early = el("div", { hidden: true });
  entry.update = () => {
    if (entry.playable && early.hidden) {
      early.append(el("p", { text: "It can be played already; better qualities follow." }),
        urlBlock([["HLS", entry.playable.hls_url], ["DASH", entry.playable.dash_url]]));
      early.hidden = false;
    }
    figure.textContent = { queued: "Waiting", checking: "Checking" }[entry.phase] ?? `${entry.progress} %`;
    words.textContent = WORKING[entry.phase] ?? (entry.phase === "processing" ? stageWords(entry) : statusText(entry));
    if (entry.phase === "checking") bar.removeAttribute("value");
    else bar.value = entry.progress;
  };
  entry.update();
  return el("div", { class: "working marked" }, figure, bar, words, early, el("div", {}, button("Cancel", () => cancel(entry))));
}

function privateNote({ asset }) {
  return el("div", { class: "block" },
    el("p", { class: "note", text: "This asset is private: its delivery URLs answer 404 to everybody. With a key of its owner the original can be fetched:" }),
    snippets([["curl", `curl -H "Authorization: Bearer $RENDITOR_KEY" -o original \\\n  ${shell(new URL(assetPath(asset, "/original"), BASE).href)}`]]));
}
