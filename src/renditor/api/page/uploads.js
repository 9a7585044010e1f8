// ---- Uploading -------------------------------------------------------------------------------------------------
function addFiles(files) {
  const added = [...files].map((file) => newEntry({ file }));
  if (added.length === 0) return;
  for (const entry of added.toReversed()) {
    entries.unshift(entry);
    $("items").prepend(entry.row.node);
    paint(entry);
  }
  count();
  select(added[0], "list");
  say(added.length === 1 ? `Uploading ${title(added[0])}` : `Uploading ${added.length} files`);
  startUploads();
}

function startUploads() {
  const sending = entries.filter((entry) => entry.phase === "uploading" || entry.phase === "checking").length;
  const waiting = entries.filter((entry) => entry.phase === "queued");
  for (const entry of waiting.slice(0, Math.max(0, AT_ONCE - sending))) upload(entry);
}

function upload(entry) {
  const request = new XMLHttpRequest();  // fetch does not tell how much it has sent
  entry.request = request;
  const end = (problem) => {
    entry.request = null;
    if (problem) fail(entry, problem);
    startUploads();
  };
  request.upload.addEventListener("progress", ({ loaded, total }) => setPhase(entry, "uploading", total ? Math.floor((100 * loaded) / total) : 100));
  request.upload.addEventListener("load", () => setPhase(entry, "checking", 100));
  request.addEventListener("load", () => {
    if (entry.gone) return;
    if (request.status === 401) { forgetKey(); showGate(UNKNOWN_KEY); return; }
    if (request.status >= 300) { end(Problem.from(request.status, request.responseText)); return; }
    adopt(entry, JSON.parse(request.responseText));
    if (entry === selected && location.hash) history.replaceState(null, "", address(entry));
    if (entry.phase === "completed") say(`${title(entry)} is ready`);
    end(null);
  });
  request.addEventListener("error", () => end(new Problem({
    title: "The upload was cut off",
    detail: "The connection closed before the server could answer.",
    hint: "The file may be larger than this server accepts, or be a folder; or renditor has stopped.",
  })));
  request.addEventListener("abort", () => { if (!entry.gone) remove(entry); startUploads(); });
  request.open("POST", new URL("media/upload", BASE));
  request.setRequestHeader("Authorization", `Bearer ${key}`);
  request.setRequestHeader("Content-Type", entry.file.type || "application/octet-stream");
  request.setRequestHeader("X-Filename", encodeURIComponent(entry.file.name));
  setPhase(entry, "uploading", 0);
  request.send(entry.file);
}

function fail(entry, problem) {
  entry.problem = problem;
  setPhase(entry, "failed");
  say(`${title(entry)}: ${problem.title}`);
}

function retry(entry) {
  entry.problem = null;
  setPhase(entry, "queued", 0);
  startUploads();
}

// ---- Following what is processed -----------------------------------------------------------------------------------
const STREAMS_AT_ONCE = 2;  // browsers open six connections to a server: the others are for uploads and pictures
let streams = 0;

async function follow(entry) {
  if (streams < STREAMS_AT_ONCE && (await listen(entry))) return;
  await poll(entry);
}

/* With fetch, as EventSource cannot send the key. False: it broke off, ask from time to time instead. */
async function listen(entry) {
  const control = new AbortController();
  entry.hush = () => control.abort();
  streams += 1;
  try {
    const headers = { Authorization: `Bearer ${key}`, Accept: "text/event-stream" };
    const response = await fetch(new URL(assetPath(entry.asset, "/events"), BASE), { headers, signal: control.signal });
    if (!response.ok) return false;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const { done, value } = await reader.read();
      if (done) return entry.gone || ENDED.has(entry.phase);
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data: "));
        if (data) await told(entry, JSON.parse(data.slice(6)));
      }
    }
  } catch {
    return entry.gone;
  } finally {
    streams -= 1;
    entry.hush = null;
  }
}

async function poll(entry) {
  for (let misses = 0, pause = 400; !entry.gone; pause = Math.min(pause * 1.15, document.hidden ? 5000 : 1500)) {
    await sleep(pause * (1 + misses));
    if (entry.gone) return;
    try {
      await told(entry, await call("GET", assetPath(entry.asset, "/status")));
      misses = 0;
      if (ENDED.has(entry.phase)) return;
    } catch (problem) {
      if (problem.status === 401) { forgetKey(); showGate(UNKNOWN_KEY); return; }
      if (problem.status === 404) { discard(entry); return; }
      misses = Math.min(misses + 1, 8);
      entry.stage = "waiting for the server";
      setPhase(entry, "processing");
    }
  }
}

/* What the server says about an asset, asked or not. */
async function told(entry, status) {
  if (entry.gone) return;
  entry.stage = status.stage ?? "";
  if (!ENDED.has(status.status)) {
    if (status.hls_url) entry.playable = status;
    setPhase(entry, "processing", Math.floor(status.progress ?? 0));
    return;
  }
  const asset = await call("GET", assetPath(entry.asset));
  if (entry.gone) return;
  adopt(entry, asset, true);
  say(`${title(entry)}: ${entry.phase === "completed" ? "ready" : statusText(entry)}`);
}

async function cancel(entry) {
  if (entry.request) entry.request.abort();
  else if (entry.phase === "queued") discard(entry);
  else {
    try {
      await call("POST", assetPath(entry.asset, "/cancel"));
      entry.stage = "cancelling";
      setPhase(entry, entry.phase);
    } catch (problem) {
      if (problem.status !== 409) fail(entry, problem);  // 409: it ended in the meantime; the next status says how
    }
  }
}

// ---- Removing --------------------------------------------------------------------------------------------------
function discard(entry) {
  const index = entries.indexOf(entry);
  if (index < 0) return;
  entry.gone = true;
  entry.hush?.();
  entries.splice(index, 1);
  entry.row.node.remove();
  count();
  if (entry !== selected) return;
  const neighbour = entries[Math.min(index, entries.length - 1)];
  if (neighbour) select(neighbour, "list");
  else { selected = null; release(); $("stage").replaceChildren(); $("files").focus(); }
}

async function remove(entry) {
  if (!entry.asset) { discard(entry); return; }
  if (!(await confirmed(`“${title(entry)}”, its original and everything made from it. Its URLs stop working at once.`))) return;
  try {
    await call("DELETE", assetPath(entry.asset));
  } catch (problem) {
    if (problem.status !== 404) { $("stage").prepend(problemBox(problem)); return; }
  }
  say(`${title(entry)} deleted`);
  discard(entry);
}

function confirmed(text) {
  const dialog = $("confirm");
  $("confirm-text").textContent = text;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
