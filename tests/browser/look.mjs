// node look.mjs PAGE.html [--turned] [OUT]: opens one page in Chromium, offline, in every form a reader may meet, and
// prints what it saw as one JSON object. Each form is a tab of its own; with --turned the desk's tab turns dark and
// forced and the phone's narrow, as where a reader turns a setting, and nothing is folded, reloaded or printed: half
// the time. With OUT it leaves a picture of each form there. It judges nothing.
import { chromium } from 'playwright-core';
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const turned = process.argv.includes('--turned');
const [page, out] = process.argv.slice(2).filter((word) => word !== '--turned');
const url = 'file://' + path.resolve(page);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const desk = { width: 1280, height: 900 };
const forms = {
  desk: { viewport: desk },
  dark: { viewport: desk, colorScheme: 'dark' },
  forced: { viewport: desk, forcedColors: 'active' },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
  narrow: { viewport: { width: 320, height: 700 } },
  print: { viewport: { width: 794, height: 1123 }, media: 'print' },
  noscript: { viewport: desk, javaScriptEnabled: false },
};
const turns = turned ? { desk: ['dark', 'forced'], phone: ['narrow'] } : {};
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });

const drawn = (tab) => tab.waitForFunction(
  () => !document.querySelector('#library') || document.documentElement.dataset.drawn || document.documentElement.classList.contains('bare'),
  null, { timeout: 30000 },
).then(() => tab.waitForTimeout(300));

const see = () => {
  const marks = '.trace, .point, .hm image, .heatmaplayer image, .scatterlayer path, .textpoint, .slice, .sankey';
  const figures = [...document.querySelectorAll('[data-figure]')];
  const tables = [...document.querySelectorAll('table')];
  const stops = 'a[href], button, summary, input, [tabindex]:not([tabindex="-1"])';
  const tall = (box) => box.getBoundingClientRect().height > 1;
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    figures: figures.length,
    rooms: figures.filter(tall).length,
    marked: figures.filter((f) => f.querySelector(marks)).length,
    wide: figures.filter((f) => f.scrollWidth > f.clientWidth + 1).length,
    noWebgl: document.querySelectorAll('.no-webgl').length,
    adrift: Boolean(document.querySelector('.adrift')?.checkVisibility()),
    led: document.querySelectorAll('a[data-up], a[href^="lists/"]').length,
    tables: tables.length,
    readable: tables.filter((t) => tall(t) && t.checkVisibility({ contentVisibilityAuto: true })).length,
    stops: [...document.querySelectorAll(stops)].filter((e) => e.checkVisibility({ contentVisibilityAuto: true })).length,
    inks: [...new Set([...document.querySelectorAll('.ytick text, .xtick text')].map((t) => getComputedStyle(t).fill))],
  };
};

const look = async (tab, name) => {
  const report = await tab.evaluate(see);
  const slider = tab.locator('input[data-rows]').first();
  if (await slider.count()) {
    const row = () => tab.evaluate(() => {
      const input = document.querySelector('input[data-rows]');
      const rows = [...document.querySelectorAll(`#${input.dataset.rows} tbody tr`)];
      const seen = rows.filter((one) => one.checkVisibility()).map((one) => one.cells[0].textContent);
      return { rows: rows.length, seen, said: input.parentElement.querySelector('output').textContent };
    });
    report.slider = { shown: await slider.isVisible(), before: await row() };
    if (report.slider.shown) {
      await slider.press('ArrowRight');
      report.slider.after = await row();
    }
  }
  if (name === 'desk' && !turned) {
    for (const fold of await tab.locator('summary').all()) await fold.click();
    report.unfolded = (await tab.evaluate(see)).readable;
    await tab.emulateMedia({ colorScheme: 'dark' });
    await tab.waitForTimeout(400);
    report.turned = (await tab.evaluate(see)).inks;
    await tab.reload();
    await drawn(tab);
    report.remembered = (await tab.evaluate(see)).readable;
    report.pdf = (await tab.pdf({ format: 'A4', path: out && path.join(out, 'dark-to-paper.pdf') })).length;
  }
  if (out) await tab.screenshot({ path: path.join(out, `${name}.png`), fullPage: true });
  if (name === 'desk' && out) await tab.pdf({ format: 'Letter', path: path.join(out, 'letter.pdf') });
  return report;
};

const seen = {};
for (const [name, { media, ...options }] of Object.entries(forms)) {
  if (Object.values(turns).flat().includes(name)) continue;
  const context = await browser.newContext({ ...options, offline: true });
  const tab = await context.newPage();
  const heard = [], asked = [];
  tab.on('console', (m) => heard.push(`${m.type()}: ${m.text()}`));
  tab.on('pageerror', (e) => heard.push(`error: ${e.message}`));
  tab.on('dialog', (d) => { heard.push(`dialog: ${d.message()}`); d.dismiss(); });
  tab.on('request', (r) => { if (r.url() !== url && !/^(data|blob):/.test(r.url())) asked.push(r.url()); });
  if (media) await tab.emulateMedia({ media });
  await tab.goto(url);
  if (options.javaScriptEnabled !== false) await drawn(tab);
  seen[name] = { ...(await look(tab, name)), heard, asked };
  for (const turn of turns[name] ?? []) {
    const { viewport, colorScheme = 'light', forcedColors = 'none' } = forms[turn];
    await tab.setViewportSize(viewport);
    await tab.emulateMedia({ colorScheme, forcedColors });
    await tab.waitForTimeout(400);
    seen[turn] = { ...(await look(tab, turn)), heard, asked };
  }
  await context.close();
}
seen.axe = {};
const context = await browser.newContext({ viewport: desk, colorScheme: 'light', bypassCSP: true, offline: true });
const tab = await context.newPage();
await tab.goto(url);
await drawn(tab);
for (const fold of await tab.locator('summary').all()) await fold.click();
await tab.evaluate(axe);
for (const colorScheme of ['light', 'dark']) {
  await tab.emulateMedia({ colorScheme });
  await tab.waitForTimeout(400);
  // Only what breaks a rule is asked for: naming what keeps it takes four times as long.
  const { violations } = await tab.evaluate(
    (only) => window.axe.run(document, { runOnly: only, resultTypes: ['violations'] }), rules,
  );
  seen.axe[colorScheme] = violations.map((v) => `${v.id}: ${v.nodes[0].target.join(' ')}`);
}
await context.close();
await browser.close();
console.log(JSON.stringify(seen));
