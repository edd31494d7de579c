(() => {
  'use strict';
  const root = document.documentElement, all = (selector) => [...document.querySelectorAll(selector)];
  const dark = matchMedia('screen and (prefers-color-scheme: dark)');
  const phone = matchMedia('screen and (max-width: 640px)');
  const print = matchMedia('print');
  const read = (id) => JSON.parse(document.getElementById(id).textContent);

  // Tables stand open for readers without scripts; with one they fold, and stay as the reader left them.
  const kept = (key, value) => {
    try {
      const name = `${location.pathname}#${key}`;
      return value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value);
    } catch { return null; }
  };
  const tables = all('details[data-key]'), appendix = document.getElementById('appendix');
  let wanted = false;
  // Whoever asks for a part of the appendix while it is drawn gets it open.
  const called = () => {
    const part = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!part || !appendix?.contains(part)) return;
    wanted = true;
    appendix.classList.add('open');
    appendix.open = true;
    part.scrollIntoView();
  };
  addEventListener('hashchange', called);
  for (const menu of all('.menu')) {
    menu.addEventListener('toggle', () => { if (menu.open) for (const other of all('.menu')) if (other !== menu) other.open = false; });
    menu.addEventListener('click', (event) => { if (event.target.closest('a')) menu.open = false; });
    menu.addEventListener('keydown', (event) => { if (event.key === 'Escape') menu.open = false; });
  }
  // A copy in the folder of its run lies two folders deeper than the page that people open.
  if (/\/runs\/[^/]+\/[^/]*$/.test(location.pathname)) {
    for (const link of all('a[data-up]')) link.setAttribute('href', `../../${link.getAttribute('href')}`);
  }
  // A page outside the folder of reports, such as one from a mail, has nothing to lead to: it says so.
  const note = document.querySelector('.adrift');
  const here = new RegExp(`/${note?.dataset.place}/[^/]+/(runs/[^/]+/)?[^/]+$`);
  if (note && !here.test(location.pathname)) {
    note.hidden = false;
    for (const link of all('a[data-up], a[href^="lists/"]')) link.replaceWith(...link.childNodes);
  }
  // A slider shows one row of its table; paper shows them all.
  for (const slider of all('input[data-rows]')) {
    const rows = [...document.getElementById(slider.dataset.rows).querySelectorAll('tbody tr')];
    const slid = () => {
      rows.forEach((row, place) => row.classList.toggle('other', place !== slider.valueAsNumber));
      const said = rows[slider.valueAsNumber].cells[0].textContent;
      slider.setAttribute('aria-valuetext', said);
      slider.parentElement.querySelector('output').textContent = said;
    };
    slider.addEventListener('input', slid);
    slider.parentElement.hidden = false;
    slid();
  }
  let printing = false, bare = false;
  for (const table of tables) {
    table.open = kept(table.dataset.key) === 'open';
    if (table === appendix) table.classList.toggle('open', table.open);
    table.addEventListener('toggle', () => {
      if (root.classList.contains('drawing')) return;
      if (!printing && !bare) kept(table.dataset.key, table.open ? 'open' : 'folded');
      if (table === appendix) { table.classList.toggle('open', table.open); resized(); }
      scrollers();
    });
  }
  // A box that does not scroll is not a stop on the way of the Tab key.
  const scrollers = () => {
    for (const box of all('.scroll')) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
    }
  };
  scrollers();
  addEventListener('resize', scrollers);

  called();
  const charts = all('.chart[data-figure]');
  if (charts.length) root.classList.add('js');
  const giveUp = () => {
    bare = true;
    root.classList.remove('js');
    root.classList.add('bare');
    for (const table of tables) table.open = true;
  };

  // --- figures -------------------------------------------------------------------------------------------

  const tinted = (value, twins) => {
    if (typeof value === 'string') return Object.hasOwn(twins, value) ? twins[value] : value;
    if (Array.isArray(value)) return value.map((one) => tinted(one, twins));
    if (value && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, tinted(one, twins)]));
    }
    return value;
  };
  const merged = (into, from) => {
    for (const [key, value] of Object.entries(from)) {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype') continue;
      const nested = value && typeof value === 'object' && !Array.isArray(value);
      into[key] = nested ? merged(Object.hasOwn(into, key) ? into[key] ?? {} : {}, value) : value;
    }
    return into;
  };
  const shown = (text) => text.replace(/&[#\w]+;/g, '.').length;
  // Labels break between words and never within one; a word longer than any label may be is cut, and says so.
  const LONGEST = 24;
  const trimmed = (word) => {
    const parts = word.match(/&[#\w]+;|[^]/gu) ?? [];
    return parts.length > LONGEST ? `${parts.slice(0, LONGEST - 1).join('')}…` : word;
  };
  const wrapped = (text, width, most) => {
    const lines = [''];
    for (const word of String(text).split(' ').map(trimmed)) {
      const last = lines[lines.length - 1];
      if (!last) lines[lines.length - 1] = word;
      else if (shown(last) + 1 + shown(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    if (lines.length > most) { lines.length = most; lines[most - 1] += '…'; }
    return lines.join('<br>');
  };
  // Long names of categories take more lines, not more of the chart's width. Below an axis, names whose words
  // have no room beside each other stand upright.
  const categories = (figure, side, width) => {
    const axis = figure.layout[`${side}axis`];
    if (!axis || axis.type !== 'category' || axis.ticktext) return;
    const names = [...new Set(figure.data.flatMap((trace) => trace[side] ?? []))].map(String);
    if (!names.some((name) => shown(name) > width)) return;
    const longest = Math.max(...names.flatMap((name) => name.split(' ').map((word) => shown(trimmed(word)))));
    axis.tickmode = 'array';
    axis.tickvals = names;
    if (side === 'x' && longest > width) {
      axis.tickangle = -90;
      axis.ticktext = names.map((name) => wrapped(name, LONGEST, 1));
      figure.layout.height += 7 * Math.min(LONGEST, Math.max(...names.map(shown)));
      return;
    }
    axis.tickangle = 0;
    const room = side === 'y' ? ((figure.layout.height ?? 380) - 40) / names.length : 51;
    const most = Math.min(3, Math.max(1, Math.floor(room / 17)));
    axis.ticktext = names.map((name) => wrapped(name, Math.max(width, longest), most));
  };
  // On a phone a number that has no room is left to the table: smaller than 10 px nobody reads it.
  const legible = (figure) => {
    const standing = figure.data.filter((trace) => trace.type === 'bar' && trace.orientation !== 'h' && trace.visible !== false);
    const groups = new Set(standing.flatMap((trace) => trace.x ?? [])).size;
    const room = (innerWidth - 90) / Math.max(1, groups * (figure.layout.barmode === 'stack' ? 1 : standing.length));
    for (const trace of figure.data.filter((one) => one.type === 'bar')) {
      trace.constraintext = 'none';
      const texts = Array.isArray(trace.text) ? trace.text : [];
      if (standing.includes(trace) && texts.some((text) => 7.5 * shown(String(text)) > room)) trace.text = undefined;
    }
  };
  // A table of shades whose numbers have no room gets a key.
  const keyed = (figure) => {
    for (const trace of figure.data.filter((one) => one.type === 'heatmap')) {
      trace.showscale = true;
      trace.colorbar = { orientation: 'h', thickness: 10, len: 1, y: -0.12, yanchor: 'top', nticks: 5, tickfont: { size: 12 }, outlinewidth: 0 };
    }
    figure.layout.height = (figure.layout.height ?? 380) + 56;
  };
  const fitted = (figure, look) => {
    const night = dark.matches && !printing, small = phone.matches && !printing;
    const twins = night ? look.dark : look.light;
    let made = tinted(figure, twins);
    made.layout.height ??= 380;
    made.layout.template = tinted(look.template, twins);
    if (small) {
      merged(made.layout, { font: { size: 13 }, hoverlabel: { font: { size: 13 } } });
      merged(made.layout, made.layout.meta?.phone ?? {});
      const hidden = made.layout.meta?.phone_hide ?? [];
      for (const trace of hidden) made.data[trace].visible = false;
      if (hidden.length) keyed(made);
      legible(made);
      for (const name of Object.keys(made.layout).filter((key) => /^xaxis/.test(key))) {
        if (made.layout[name].type !== 'category') made.layout[name].nticks ??= 5;
      }
      if (made.layout.annotations) made.layout.annotations = made.layout.annotations.filter((a) => a.name !== 'direct');
    }
    categories(made, 'y', small ? 15 : 30);
    const names = new Set(made.data.flatMap((trace) => trace.x ?? [])).size;
    const letters = Math.floor(((small ? innerWidth - 100 : 820) / Math.max(1, names)) / 7.5);
    if (letters >= 4) categories(made, 'x', letters);
    return made;
  };

  let figures = [], look;
  const draw = (place, figure) => {
    const { data, layout } = fitted(figure, look);
    return Plotly.react(place, data, layout, {
      displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false, showTips: false,
      showAxisDragHandles: false, showSendToCloud: false, plotlyServerURL: '', topojsonURL: '',
    });
  };
  // Paper is narrower than a screen: the drawing is scaled like a picture, without a new layout.
  const scalable = (place) => {
    const box = place.querySelector('.svg-container');
    if (!box) return;
    const { width, height } = place._fullLayout;
    place.style.setProperty('--room', `${height}px`);  // Plotly gives up its own height when the window changes
    box.style.setProperty('--shape', `${width} / ${height}`);
    for (const svg of place.querySelectorAll('.main-svg')) svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  };
  const resized = () => {
    for (const [place] of figures) if (appendix?.contains(place) && appendix.open) Plotly.Plots.resize(place);
  };
  const redraw = () => { for (const [place, figure] of figures) draw(place, figure); };

  const start = async () => {
    const packed = Uint8Array.from(atob(document.getElementById('library').textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    const url = URL.createObjectURL(new Blob([await new Response(stream).arrayBuffer()], { type: 'text/javascript' }));
    await new Promise((done, failed) => {
      const script = document.createElement('script');
      script.src = url;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
    URL.revokeObjectURL(url);
    look = read('look');
    // A folded chart has no size: the appendix is laid out unseen while its charts are drawn.
    const folded = appendix && !appendix.open;
    if (folded) { root.classList.add('drawing'); appendix.open = true; }
    for (const place of charts) {
      const figure = read(place.dataset.figure);
      figures.push([place, figure]);
      await draw(place, figure);
      place.on('plotly_afterplot', () => scalable(place));
      scalable(place);
    }
    if (folded && !wanted) appendix.open = false;
    root.classList.remove('drawing');
    dark.addEventListener('change', redraw);
    phone.addEventListener('change', redraw);
    root.dataset.drawn = String(charts.length);
  };

  const paper = (now) => {
    if (now === printing) return;
    printing = now;
    for (const table of tables) table.open = now || bare || kept(table.dataset.key) === 'open';
    if (dark.matches || phone.matches) redraw();
  };
  addEventListener('beforeprint', () => paper(true));
  addEventListener('afterprint', () => paper(false));
  print.addEventListener('change', () => paper(print.matches));
  if (print.matches) paper(true);

  if (charts.length) {
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', () => start().catch(giveUp));
    else start().catch(giveUp);
  }
})();
