"use strict";
// Ask for the same page again while the page is visible, and show what is new.
const main = document.querySelector("main");
const live = document.getElementById("live");

function show(page) {
  const content = page.querySelector("main").innerHTML;
  if (content === main.innerHTML) return;
  const link = document.activeElement?.getAttribute("href");
  main.innerHTML = content;
  document.title = page.title;
  if (link) main.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
}

async function follow() {
  let pause = 1000;
  // Do not replace the content while text is selected, perhaps to be copied.
  if (!document.hidden && getSelection().isCollapsed) {
    try {
      const answer = await fetch(location.href);
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      // Stop after an error, such as for an order that a restarted sandbox does not know.
      if (!answer.ok) return;
      live.textContent = "This page updates itself.";
    } catch {
      live.textContent = "The sandbox does not answer: it has ended or is busy.";
      pause = 5000;
    }
  }
  setTimeout(follow, pause);
}

follow();
