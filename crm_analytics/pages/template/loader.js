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
  const tables = all('details[data-key]');
  let printing = false, bare = false;
  for (const table of tables) {
    table.open = kept(table.dataset.key) === 'open';
    table.addEventListener('toggle', () => {
      if (!printing && !bare) kept(table.dataset.key, table.open ? 'open' : 'folded');
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
  const wrapped = (text, width, most) => {
    const lines = [''];
    for (const word of String(text).split(' ')) {
      const pieces = word.match(new RegExp(`(?:&[#\\w]+;|[^]){1,${width}}`, 'gu')) ?? [''];
      for (const piece of pieces) {
        const last = lines[lines.length - 1];
        if (!last) lines[lines.length - 1] = piece;
        else if (shown(last) + 1 + shown(piece) <= width) lines[lines.length - 1] = `${last} ${piece}`;
        else lines.push(piece);
      }
    }
    if (lines.length > most) { lines.length = most; lines[most - 1] += '…'; }
    return lines.join('<br>');
  };
  // Long names of categories take more lines, not more of the chart's width.
  const categories = (figure, side, width) => {
    const axis = figure.layout[`${side}axis`];
    if (!axis || axis.type !== 'category' || axis.ticktext) return;
    const names = [...new Set(figure.data.flatMap((trace) => trace[side] ?? []))];
    if (!names.some((name) => shown(String(name)) > width)) return;
    axis.tickmode = 'array';
    axis.tickangle = 0;
    axis.tickvals = names;
    const room = side === 'y' ? ((figure.layout.height ?? 380) - 40) / names.length : 51;
    const most = Math.min(3, Math.max(1, Math.floor(room / 17)));
    axis.ticktext = names.map((name) => wrapped(name, width, most));
  };
  const fitted = (figure, look) => {
    const night = dark.matches && !printing, small = phone.matches && !printing;
    let made = tinted(figure, night ? look.dark : {});
    made.layout.height ??= 380;
    made.layout.template = tinted(look.template, night ? look.dark : {});
    if (small) {
      merged(made.layout, { font: { size: 13 }, hoverlabel: { font: { size: 13 } } });
      merged(made.layout, made.layout.meta?.phone ?? {});
      for (const trace of made.layout.meta?.phone_hide ?? []) made.data[trace].visible = false;
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
    box.style.setProperty('--shape', `${width} / ${height}`);
    for (const svg of place.querySelectorAll('.main-svg')) svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
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
    for (const place of charts) {
      const figure = read(place.dataset.figure);
      figures.push([place, figure]);
      await draw(place, figure);
      place.on('plotly_afterplot', () => scalable(place));
      scalable(place);
      place.style.setProperty('--room', '0px');
    }
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
