"use strict";
// Ask for the same page again while somebody looks at it, and show what is new.
const main = document.querySelector("main");
const live = document.getElementById("live");

async function follow() {
  let pause = 1000;
  // What is selected is being read, or copied.
  if (!document.hidden && getSelection().isCollapsed) {
    try {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const link = document.activeElement.getAttribute("href");
      main.innerHTML = page.querySelector("main").innerHTML;
      document.title = page.title;
      // Such as an order of a sandbox that was started anew.
      if (!answer.ok) return;
      if (link) main.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
      live.textContent = "This page follows what happens.";
    } catch {
      live.textContent = "The sandbox does not answer: it has ended, or is busy.";
      pause = 5000;
    }
  }
  setTimeout(follow, pause);
}

follow();
