// ---- Wiring --------------------------------------------------------------------------------------------------------
function wireDropping() {
  let depth = 0;  // dragenter and dragleave also fire for every child
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (change) => { depth = Math.max(0, change); document.body.classList.toggle("dragging", depth > 0 && !$("workspace").hidden); };
  addEventListener("dragenter", (event) => { if (hasFiles(event)) { event.preventDefault(); mark(depth + 1); } });
  addEventListener("dragleave", (event) => { if (hasFiles(event)) mark(depth - 1); });
  addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();  // or the browser leaves the page for the file
    mark(0);
    if (!$("workspace").hidden) addFiles(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => { if (!$("workspace").hidden) addFiles(event.clipboardData?.files ?? []); });
  $("files").addEventListener("change", () => { addFiles($("files").files); $("files").value = ""; });
}

function wirePage() {
  $("key-form").addEventListener("submit", (event) => { event.preventDefault(); enter($("key").value.trim(), $("remember").checked); });
  $("forget").addEventListener("click", () => { forgetKey(); history.replaceState(null, "", location.pathname); showGate(); });
  $("confirm-no").addEventListener("click", () => $("confirm").close("no"));
  $("confirm-yes").addEventListener("click", () => $("confirm").close("yes"));
  $("more").addEventListener("click", async () => {
    try {
      take(await call("GET", `media?limit=20&cursor=${encodeURIComponent(nextCursor)}`));
    } catch (problem) {
      offline(problem, () => $("more").click());
    }
  });
  addEventListener("popstate", () => {
    const arrived = keyFromFragment();
    if (arrived !== null) { showGate(); enter(arrived, false); return; }
    const opened = named();
    if (opened) select(opened, "detail");
    else $("workspace").dataset.view = "list";
  });
  addEventListener("beforeunload", (event) => { if (entries.some((entry) => entry.request || entry.phase === "queued")) event.preventDefault(); });
  $("teach-line").append(copyLine(`curl -H "Authorization: Bearer $RENDITOR_KEY" -F file=@photo.jpg ${new URL("media/upload", BASE).href}`, "the upload command"));
}

function start() {
  wireDropping();
  wirePage();
  const arrived = keyFromFragment();
  const kept = stored((session, local) => session.getItem("renditor.key") ?? null);
  const remembered = stored((session, local) => local.getItem("renditor.key"));
  if (arrived ?? kept) enter(arrived ?? kept, false);
  else if (remembered) enter(remembered, true);
  else showGate();
}

start();
