"use strict";
// Draws every chart and table of the page from the published tables in DATA; nothing is fetched, nothing is computed
// about people: rates and shares come ready-made from the tables.
const INK = "#14202B", DEEP = "#123A5A", STANDARD = "#8A3B00", SIGNAL = "#B35900";
const SHADES = ["#C9D6DF", "#7FB0C8", "#2E7DA6", "#123A5A"];
const PERIODS = {month: "M1", quarter: "M3", year: "M12"};
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const $ = id => document.getElementById(id);
const number = n => n.toLocaleString("en-GB", {maximumFractionDigits: 1});
const drawn = new Set(), visible = new Set();

function periodName(period, start) {
  const year = +start.slice(0, 4), month = +start.slice(5, 7) - 1;
  if (period === "month") return `${MONTHS[month]} ${year}`;
  if (period === "quarter") return `${MONTHS[month]} to ${MONTHS[month + 2]} ${year}`;
  return `${year}/${String((year + 1) % 100).padStart(2, "0")}`;
}

const cell = (value, status) => status === 2 ? "no data" : value !== null ? number(value) : status === 1 ? "*" : "–";

// The rows of a table where each named dimension has the named value, and every other one is the margin.
function rowsOf(table, fixed) {
  const rows = [];
  for (let i = 0; i < table.start.length; i++) {
    if (table.by.every((d, j) => table.names[j][table.parts[j][i]] === (fixed[d] ?? "All"))) rows.push({
      start: table.start[i], value: table.value[i], status: table.status[i],
      provisional: table.provisional[i] === 1, ratio: table.ratio ? table.ratio[i] : null,
    });
  }
  return rows;
}

function tableFor(indicator, dimensions) {
  const wanted = [...new Set(dimensions)].sort().join();
  return indicator.tables.find(t => t.start.length && [...t.by].sort().join() === wanted);
}

// What the filters ask of one indicator, as far as it is published: the finest table that exists, and what was dropped.
function chosen(indicator) {
  const [kind, place] = $("area").value.split("|"), band = $("band").value;
  const fixed = {}, own = indicator.share_of ? [indicator.share_of] : [];
  if (kind) fixed[kind] = place;
  if (band) fixed.frailty_band = band;
  const asked = Object.keys(fixed), split = $("split-" + indicator.id)?.value || "";
  for (const [kept, by] of [[asked, split], [asked, ""], [[], split], [[], ""]]) {
    const table = tableFor(indicator, [...kept, ...own, ...(by ? [by] : [])]);
    if (table && kept.every(d => by !== d)) {
      return {table, fixed: Object.fromEntries(kept.map(d => [d, fixed[d]])), split: by, dropped: asked.length > kept.length || split !== by};
    }
  }
  return null;
}

function layout(indicator, unit, gaps) {
  return {
    template: "none", font: {family: "Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif", size: 13, color: INK},
    height: 340, margin: {l: 62, r: 16, t: 24, b: 44}, hovermode: "x unified", separators: ".,", dragmode: false,
    legend: {orientation: "h", y: 1.14, x: 0, traceorder: "normal"}, barmode: "stack",
    xaxis: {tickformat: "%b %Y", gridcolor: "#FFFFFF", fixedrange: true, type: "date"},
    yaxis: {title: {text: unit}, rangemode: "tozero", gridcolor: "#E3E8EC", tickformat: ",", fixedrange: true,
      ...(indicator.share_of ? {range: [0, 101], ticksuffix: " %"} : {})},
    shapes: gaps.map(([x0, x1]) => ({type: "rect", yref: "paper", y0: 0, y1: 1, x0, x1, fillcolor: "#EEF1F4", line: {width: 0}, layer: "below"})),
    annotations: gaps.map(([x0]) => ({x: x0, y: 0.5, yref: "paper", text: "no data", textangle: -90, xanchor: "left", showarrow: false})),
  };
}

function gapsOf(rows, period) {
  const months = {month: 1, quarter: 3, year: 12}[period], gaps = [];
  for (const row of rows.filter(r => r.status === 2)) {
    const end = new Date(Date.UTC(+row.start.slice(0, 4), +row.start.slice(5, 7) - 1 + months, 1)).toISOString().slice(0, 10);
    if (gaps.length && gaps.at(-1)[1] === row.start) gaps.at(-1)[1] = end; else gaps.push([row.start, end]);
  }
  return gaps;
}

const x = (rows, period) => ({x: rows.map(r => r.start), xperiod: PERIODS[period], xperiodalignment: "middle"});

function line(name, rows, period, pick, colour) {
  return {type: "scatter", mode: "lines+markers", name, ...x(rows, period), y: rows.map(pick), connectgaps: false,
    line: {color: colour, width: 2}, marker: {size: 6, symbol: rows.map(r => r.provisional ? "circle-open" : "circle")}};
}

// The series that the chart shows, where it has a control chart: of the whole board, or of one Place; else nothing.
function charted(indicator, {fixed, split}) {
  const named = Object.keys(fixed);
  return split || named.some(d => d !== "place") ? "" : fixed.place ?? "All";
}

function limits(indicator, points, rows, period) {
  const at = new Map(points.map(p => [p[0], p]));
  const of = i => rows.map(r => at.get(r.start)?.[i] ?? null), thin = {color: "#5C6B78", width: 1};
  const signals = rows.filter(r => at.get(r.start)?.[4]);
  const pick = indicator.share_of ? r => r.ratio : r => r.value;
  return [
    {type: "scatter", mode: "lines", name: "mean", ...x(rows, period), y: of(1), line: thin, hoverinfo: "skip"},
    {type: "scatter", mode: "lines", name: "limits of chance", ...x(rows, period), y: of(3), line: {...thin, dash: "dot"}, hoverinfo: "skip"},
    {type: "scatter", mode: "lines", showlegend: false, ...x(rows, period), y: of(2), line: {...thin, dash: "dot"}, hoverinfo: "skip"},
    {type: "scatter", mode: "markers", name: "special cause", ...x(signals, period), y: signals.map(pick),
      text: signals.map(r => at.get(r.start)[4]), marker: {size: 11, symbol: "diamond", color: SIGNAL}, hovertemplate: "%{text}"},
  ];
}

function partsOf(indicator, choice) {
  const j = choice.table.by.indexOf(choice.split);
  return choice.table.names[j].filter(name => name !== "All").slice(0, 20);
}

function figure(indicator, choice) {
  const {table, fixed, split} = choice, own = indicator.share_of ? {[indicator.share_of]: indicator.share} : {};
  const rates = $("measure").value === "rate" && table.ratio && !indicator.share_of;
  const pick = indicator.share_of || rates ? r => r.ratio : r => r.value;
  const whole = rowsOf(table, {...fixed, ...own}), traces = [];
  const unit = indicator.share_of ? "" : rates ? indicator.rate_words : indicator.unit;
  if (split) {
    const parts = partsOf(indicator, choice);
    parts.forEach((part, i) => {
      const rows = rowsOf(table, {...fixed, ...own, [split]: part});
      const colour = parts.length <= 4 ? SHADES[Math.round(i * 3 / Math.max(parts.length - 1, 1))] : `hsl(${200 + i * 137 % 160} 45% ${30 + i * 7 % 45}%)`;
      traces.push(indicator.share_of || rates || indicator.snapshot_line ? line(part, rows, table.period, pick, colour) : {
        type: "bar", name: part, ...x(rows, table.period), y: rows.map(pick),
        marker: {color: colour, line: {color: "#FFFFFF", width: 0.5}, pattern: {shape: rows.map(r => r.provisional ? "/" : ""), size: 5}}});
    });
  }
  traces.push(line(split ? "All" : indicator.share_of ? indicator.share : "All", whole, table.period, pick, split ? INK : DEEP));
  if (indicator.standard !== null && indicator.share_of) traces.push({type: "scatter", mode: "lines", name: `Standard ${indicator.standard} %`,
    ...x(whole, table.period), y: whole.map(() => indicator.standard), line: {color: STANDARD, dash: "dash", width: 1.5}, hoverinfo: "skip"});
  const points = indicator.limits[charted(indicator, choice)];
  if (points && !rates) traces.push(...limits(indicator, points, whole, table.period));
  return {data: traces, layout: layout(indicator, unit, gapsOf(whole, table.period)), whole, pick, unit};
}

function inWords(indicator, table, rows, pick, unit) {
  const known = rows.filter(r => pick(r) !== null && !r.provisional);
  if (!known.length) return "No figure is published for a settled period.";
  const what = indicator.share_of ? "per cent" : unit === indicator.unit ? unit : `${indicator.unit} ${unit}`;
  const said = r => `${number(pick(r))} ${what} in ${periodName(table.period, r.start)}`;
  const order = [...known].sort((a, b) => pick(a) - pick(b));
  const gaps = rows.filter(r => r.status === 2).map(r => periodName(table.period, r.start));
  return `From ${said(known[0])} to ${said(known.at(-1))}; highest ${said(order.at(-1))}, lowest ${said(order[0])}.` +
    (gaps.length ? ` No data for ${gaps.join(", ")}.` : "");
}

function heads(indicator, choice) {
  const {table, fixed, split} = choice;
  if (split) return partsOf(indicator, choice).map(p => [p, {...fixed, [split]: p}]).concat([["All", {...fixed}]]);
  if (indicator.share_of) {
    const j = table.by.indexOf(indicator.share_of);
    return table.names[j].map(p => [p, {...fixed, [indicator.share_of]: p}]);
  }
  return [["All", {...fixed}]];
}

function fillTable(indicator, choice) {
  const {table, fixed, split} = choice, own = indicator.share_of ? {[indicator.share_of]: indicator.share} : {};
  const columns = heads(indicator, choice).map(([name, at]) => [name, rowsOf(table, split ? {...at, ...own} : at)]);
  const last = rowsOf(table, {...fixed, ...own}), shown = indicator.share_of && split ? r => cell(r.ratio, r.status) : r => cell(r.value, r.status);
  const extra = table.ratio ? [indicator.share_of ? "%" : indicator.rate_words] : [];
  const box = $("table-" + indicator.id), head = box.tHead.rows[0], body = box.tBodies[0];
  head.replaceChildren(...["Period", ...columns.map(c => c[0]), ...extra].map(text => Object.assign(document.createElement("th"), {scope: "col", textContent: text})));
  body.replaceChildren(...last.map((row, i) => {
    const tr = document.createElement("tr"), name = periodName(table.period, row.start) + (row.provisional ? " (prov.)" : "");
    tr.append(Object.assign(document.createElement("th"), {scope: "row", textContent: name}));
    const cells = columns.map(c => shown(c[1][i])).concat(extra.length ? [cell(row.ratio, row.status)] : []);
    tr.append(...cells.map(text => Object.assign(document.createElement("td"), {textContent: text})));
    return tr;
  }).reverse());
}

function said(choice) {
  const named = Object.values(choice.fixed);
  return (named.length ? named.join(", ") : "Whole board") + `, by ${choice.table.period}.` +
    (choice.dropped ? " Not published as the filters ask; this is the nearest that is." : "");
}

// Words and table at once; the chart when it is on the screen, or is about to be printed.
function render(indicator, draw = visible.has(indicator.id)) {
  const choice = chosen(indicator);
  if (!choice) return;
  const made = figure(indicator, choice), words = inWords(indicator, choice.table, made.whole, made.pick, made.unit);
  $("shown-" + indicator.id).textContent = said(choice);
  $("sign-" + indicator.id).textContent = indicator.said[charted(indicator, choice)] ?? "";
  $("words-" + indicator.id).textContent = words;
  $("chart-" + indicator.id).setAttribute("aria-label", `${indicator.name}. ${words}`);
  fillTable(indicator, choice);
  drawn.delete(indicator.id);
  if (!draw) return;
  Plotly.react("chart-" + indicator.id, made.data, made.layout, {displayModeBar: false, responsive: true});
  drawn.add(indicator.id);
}

const renderAll = () => DATA.forEach(indicator => render(indicator));
const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const id = entry.target.dataset.id;
    if (!entry.isIntersecting) visible.delete(id);
    else if (visible.add(id) && !drawn.has(id)) render(DATA.find(i => i.id === id));
  }
}, {rootMargin: "400px"});
DATA.forEach(indicator => {
  seen.observe($("chart-" + indicator.id));
  $("split-" + indicator.id)?.addEventListener("change", () => render(indicator));
});
for (const id of ["area", "band", "measure"]) $(id).addEventListener("change", () => {
  renderAll();
  const [kind, name] = $("area").value.split("|");
  $("filtered").textContent = $("area").value || $("band").value
    ? "Filtered: every panel says what it shows. " + (kind === "place" ? PLACE_ALARMS[name] ?? "No series of this Place is whole enough to be charted." : "") : "";
});
$("reset").addEventListener("click", () => { for (const id of ["area", "band", "measure"]) $(id).value = ""; renderAll(); $("filtered").textContent = ""; });
// On A4 landscape the chart has 60 % of 273 mm.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach(d => d.open = true);
  DATA.filter(i => !drawn.has(i.id)).forEach(i => render(i, true));
  document.querySelectorAll(".chart").forEach(c => Plotly.relayout(c, {width: 600}));
});
addEventListener("afterprint", () => document.querySelectorAll(".chart").forEach(c => Plotly.relayout(c, {autosize: true, width: null})));
