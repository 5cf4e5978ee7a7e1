#include "report/page_parts.hpp"

namespace inferstep::report {

std::string page_style() {
    return R"(
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 1.2rem 1rem 4rem; background: #fff; color: #222;
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; font-weight: 600; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.25rem; font-weight: 600; margin: 2.6rem 0 .6rem; padding-top: .5rem; border-top: 1px solid #ccc; }
h3 { font-size: 1.05rem; font-weight: 600; margin: 1.8rem 0 .4rem; }
p, dl, ul { max-width: 75ch; }
a { color: #005a94; text-decoration-color: #9cc3df; text-underline-offset: .15em; }
a:focus-visible, th button:focus-visible, summary:focus-visible, .box:focus-visible { outline: 2px solid #d55e00; outline-offset: 1px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0; }
dt { color: #595959; }
dd { margin: 0; }
nav { margin: .8rem 0; }
nav a { margin-right: 1rem; white-space: nowrap; }
#verdict { font-size: 1.1rem; margin: 1rem 0; }
small, .quiet, figcaption { color: #595959; }
.box { overflow-x: auto; max-width: 100%; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding: 0 .7rem .3rem .1rem; white-space: nowrap; }
th, td { padding: .22rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid #eaeaea; }
thead th { vertical-align: bottom; font-weight: 500; border-bottom: 1.5px solid #555; max-width: 11rem; }
tbody th { font-weight: 400; min-width: 5rem; max-width: 24rem; overflow-wrap: anywhere; }
tbody th.short { white-space: nowrap; }
.n { text-align: right; }
td.n { white-space: nowrap; }
td.n a { color: inherit; text-decoration: none; }
td.n a:hover, td.n a:focus-visible { text-decoration: underline; }
tbody tr:hover > * { background: #f5f8fa; }
tr:target > *, li:target { background: #fff3c4; }
th button { all: unset; cursor: pointer; display: inline; }
th button::after { content: "\2195"; color: #b5b5b5; padding-left: .3em; font-size: .8em; }
th[aria-sort=ascending] button::after { content: "\2191"; color: #222; }
th[aria-sort=descending] button::after { content: "\2193"; color: #222; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: .6rem 1.4rem; align-items: start; }
figure { margin: .6rem 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figure .box { margin: 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: .85rem; max-width: 75ch; padding-left: .2rem; }
figcaption a { white-space: nowrap; }
svg text { font-family: system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; }
.texts td { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 12rem; max-width: 26rem; }
.texts td:nth-child(-n+2) { min-width: 4rem; }
mark { background: #ffe3c7; color: inherit; }
summary { cursor: pointer; padding: .2rem 0; }
ul.rows { padding-left: 1.2rem; max-width: none; }
li.failure::marker { color: #b84a00; }
@media (max-width: 600px) {
  body { padding: .8rem .7rem 3rem; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; }
  figure.wide svg { width: 780px; }
  tbody th { max-width: 9rem; }
}
@media print {
  @page { size: A4; margin: 14mm 12mm; }
  body { font-size: 9.5pt; max-width: none; padding: 0; }
  nav, .act { display: none; }
  .box { overflow: visible; }
  table { font-size: 6.5pt; }
  th, td { padding: .12rem .22rem; }
  .texts td { min-width: 0 !important; max-width: 60mm; }
  tbody th { min-width: 0; }
  thead { display: table-header-group; }
  th button::after { content: ""; padding: 0; }
  caption { white-space: normal; }
  tr, figure, li { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  .plots { display: block; }
  figure svg { max-width: 155mm; }
  figure.wide svg { max-width: none; }
  a { color: inherit; text-decoration: none; }
}
)";
}

std::string page_script() {
    return R"(
(function () {
  'use strict';
  function value(row, column) {
    var cell = row.cells[column], v = cell.getAttribute('data-v');
    return v === null ? cell.textContent.trim() : v === '' ? null : Number(v);
  }
  function compare(a, b) {
    return typeof a === 'number' && typeof b === 'number' ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
  }
  function sort(table, column, header) {
    var down = header.getAttribute('aria-sort') === 'ascending' ? -1 : 1, body = table.tBodies[0];
    var rows = Array.prototype.slice.call(body.rows).map(function (row) { return { row: row, key: value(row, column) }; });
    rows.sort(function (a, b) {  // what is not known stands last, whatever the direction
      if (a.key === null || b.key === null) { return (a.key === null) - (b.key === null); }
      return down * compare(a.key, b.key);
    });
    rows.forEach(function (one) { body.appendChild(one.row); });
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (th) { th.setAttribute('aria-sort', 'none'); });
    header.setAttribute('aria-sort', down === 1 ? 'ascending' : 'descending');
  }
  Array.prototype.forEach.call(document.querySelectorAll('table.sortable'), function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (th, column) {
      var button = document.createElement('button');
      button.type = 'button';
      while (th.firstChild) { button.appendChild(th.firstChild); }
      th.appendChild(button);
      th.setAttribute('aria-sort', 'none');
      button.addEventListener('click', function () { sort(table, column, th); });
    });
  });
  function unfold() {
    var target = document.getElementById(location.hash.slice(1)), shut = target;
    while (shut) {
      if (shut.tagName === 'DETAILS') { shut.open = true; }
      shut = shut.parentElement;
    }
    if (target) { target.scrollIntoView({ block: 'center' }); }
  }
  window.addEventListener('hashchange', unfold);
  if (location.hash) { unfold(); }
}());
)";
}

}  // namespace inferstep::report
