// ---- The API ---------------------------------------------------------------------------------------------------
class Problem extends Error {
  constructor({ status = 0, title = "Something went wrong", detail = "", hint = "", request_id: reference = "" }) {
    super(title);
    Object.assign(this, { status, title, detail, hint, reference });
  }

  static from(status, text) {
    try {
      const body = JSON.parse(text);
      if (body !== null && typeof body === "object" && typeof body.title === "string") return new Problem({ ...body, status });
    } catch { /* a proxy in between may answer with HTML: say the number below */ }
    return new Problem({ status, title: `The server answered ${status}`, detail: "The answer did not come from renditor itself; is there a proxy in between?" });
  }

  static unreachable() {
    return new Problem({ title: "The server cannot be reached", detail: "No answer came back.", hint: "Is renditor still running in its terminal?" });
  }
}

let key = null;

async function call(method, path, body = null) {
  let response;
  try {
    response = await fetch(new URL(path, BASE), { method, body, headers: { Authorization: `Bearer ${key}`, Accept: "application/json" } });
  } catch {
    throw Problem.unreachable();
  }
  const text = await response.text();
  if (!response.ok) throw Problem.from(response.status, text);
  return text ? JSON.parse(text) : null;
}

const assetPath = (asset, rest = "") => `media/${encodeURIComponent(asset.id)}${rest}`;
/* URLs carry the public address of the server. What this page itself shows comes from where the page came from, so
   that it also works through another name of the same server (localhost, a tunnel). */
function here(url) {
  const { pathname, search } = new URL(url, location.href);
  return new URL(pathname + search, location.origin).href;
}

const ending = (url) => new URL(url).pathname.split(".").pop().replaceAll(/\W/g, "");
const withTransformation = (url, steps) => (steps ? url.replace("/upload/", `/upload/${steps}/`) : url);

function problemBox(problem, ...actions) {
  return el("div", { class: "problem", role: "alert" },
    el("strong", { text: problem.title }),
    problem.detail && problem.detail !== problem.title && el("p", { text: problem.detail }),
    problem.hint && el("p", { text: problem.hint }),
    problem.reference && el("p", { class: "ref" }, "Request ", el("code", { text: problem.reference })),
    actions.length > 0 && el("div", { class: "row" }, ...actions));
}

// ---- Key -------------------------------------------------------------------------------------------------------
function stored(change) {
  try {
    return change(sessionStorage, localStorage);
  } catch {
    return null;  // storage switched off in this browser: the key lives in memory only
  }
}

function keyFromFragment() {
  const found = new URLSearchParams(location.hash.slice(1)).get("key");
  if (found !== null) history.replaceState(null, "", location.pathname + location.search);
  return found;
}

function forgetKey() {
  key = null;
  stored((session, local) => { session.removeItem("renditor.key"); local.removeItem("renditor.key"); });
}

function showGate(problem = null) {
  for (const entry of entries) { entry.gone = true; entry.request?.abort(); entry.hush?.(); }
  entries.length = 0;
  selected = null;
  release();
  $("items").replaceChildren();
  $("stage").replaceChildren();
  $("workspace").hidden = true;
  $("forget").hidden = true;
  $("gate").hidden = false;
  $("key-problem").replaceChildren(...(problem ? [problemBox(problem)] : []));
  $("key").value = "";
  $("key").focus();
}

/* The server's own words are for programs: they speak of headers. */
const UNKNOWN_KEY = new Problem({ title: "This server does not know that key", detail: "Was it copied whole? It reads rk_…_… in one word. A key that was revoked, or made for another data folder, does not count here." });

async function enter(candidate, remember) {
  if (!/^[\x21-\x7e]+$/.test(candidate)) {
    showGate(new Problem({ title: "That is not an API key", detail: "A key is one word of plain letters and digits, without spaces." }));
    return;
  }
  key = candidate;
  let page;
  try {
    page = await call("GET", "media?limit=20");
  } catch (problem) {
    if (problem.status === 401) forgetKey();
    if (problem.status) showGate(problem.status === 401 ? UNKNOWN_KEY : problem);
    else offline(problem, () => enter(candidate, remember));
    return;
  }
  stored((session, local) => (remember ? local : session).setItem("renditor.key", candidate));
  $("key-tail").textContent = `…${candidate.slice(-4)}`;
  $("gate").hidden = true;
  $("workspace").hidden = false;
  $("forget").hidden = false;
  take(page);
  const opened = named();
  if (opened) select(opened, "detail");
  else if (entries.length > 0) select(entries[0], "list");
}

function offline(problem, again) {
  const box = $("offline");
  box.hidden = false;
  box.replaceChildren(problemBox(problem, button("Try again", () => { box.hidden = true; again(); })));
}
