// Visits pages with a headless Chromium and tells what was found there.
//
// Input (standard input, JSON): {chromium, visits: [visit…]}; output: a list with an object per
// visit. A visit has a url, width and height, and may have:
//   dark       the visitor likes it dark
//   noscript   JavaScript is off
//   headers    request headers
//   audit      run axe-core with every detail open
//   codes      directory for a picture of every QR code
//   copy       press every button and read the clipboard
"use strict";

const fs = require("fs");
const puppeteer = require("puppeteer-core");
const axe = require("axe-core");

const RULES = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  resultTypes: ["violations"],
};

// What a page holds once everything is open. Runs in the page.
function facts() {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const box = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return { name: element.textContent.trim(), width, height };
  };
  return {
    title: document.title,
    language: document.documentElement.lang,
    direction: getComputedStyle(document.documentElement).direction,
    heading: document.querySelector("h1").textContent,
    background: getComputedStyle(document.body).backgroundColor,
    width: document.documentElement.scrollWidth,
    texts: all("code").map((code) => code.textContent),
    seen: all("code").map((code) => code.checkVisibility()),
    apps: all(".apps a").map((a) => a.href),
    targets: all("a, summary, button:not([hidden])").map(box),
    details: all("details").map((details) => details.open),
  };
}

async function picture(page, directory) {
  const codes = [];
  for (const svg of await page.$$("svg")) {
    const file = `${directory}/${codes.length}.png`;
    const looks = await svg.evaluate((e) => ({
      beside: e.parentElement.querySelector("code").textContent,
      label: e.getAttribute("role") === "img" && e.getAttribute("aria-label"),
      paper: getComputedStyle(e).backgroundColor,
      ink: getComputedStyle(e.firstElementChild).stroke,
    }));
    await svg.screenshot({ path: file });
    codes.push({ file, ...looks });
  }
  return codes;
}

async function copy(page) {
  const copied = [];
  for (const button of await page.$$("button")) {
    const beside = await button.evaluate((b) => b.previousElementSibling.textContent);
    await button.click();
    await page.waitForFunction((b) => b.textContent === document.querySelector(".said").textContent,
      {}, button);
    copied.push({ beside, clipboard: await page.evaluate(() => navigator.clipboard.readText()) });
  }
  return copied;
}

async function visit(browser, wish) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const found = { requests: [], console: [] };
  page.on("request", (request) => found.requests.push(request.url()));
  page.on("console", (message) => found.console.push(message.text()));
  page.on("pageerror", (error) => found.console.push(String(error)));
  await page.setViewport({ width: wish.width, height: wish.height, deviceScaleFactor: 2 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: wish.dark ? "dark" : "light" },
  ]);
  await page.setJavaScriptEnabled(!wish.noscript);
  await page.setExtraHTTPHeaders(wish.headers || {});
  if (wish.copy) {
    const permissions = ["clipboard-read", "clipboard-sanitized-write"];
    await context.overridePermissions(new URL(wish.url).origin, permissions);
  }
  const answer = await page.goto(wish.url);
  found.status = answer.status();
  found.type = answer.headers()["content-type"];
  for (const summary of await page.$$("summary"))
    await summary.click();
  Object.assign(found, await page.evaluate(facts));
  if (wish.codes)
    found.codes = await picture(page, wish.codes);
  if (wish.copy)
    found.copied = await copy(page);
  if (wish.audit) {
    await page.evaluate(axe.source);
    const result = await page.evaluate((rules) => axe.run(document, rules), RULES);
    found.violations = result.violations.map(({ id, nodes }) =>
      `${id}: ${nodes.map((node) => `${node.html}: ${node.failureSummary}`).join("; ")}`);
    found.passes = result.passes.length;
  }
  await context.close();
  return found;
}

async function main() {
  const { chromium, visits } = JSON.parse(fs.readFileSync(0, "utf8"));
  const browser = await puppeteer.launch({
    executablePath: chromium,
    // The page is our own; the sandbox needs rights that a container lacks.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    const found = [];
    for (const wish of visits)
      found.push(await visit(browser, wish));
    process.stdout.write(JSON.stringify(found));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
