// Before Streamlit's own code: the theme that it starts with. Streamlit remembers a choice for the address of one page;
// this makes it hold for all of them. What nobody has chosen is the study's.
(() => {
  const slot = `stActiveTheme-${location.pathname}-v2`; // Streamlit's
  const own = "overread.theme";
  const { theme, paper } = document.documentElement.dataset;
  try {
    const first = localStorage.getItem(own) ?? JSON.stringify(theme);
    localStorage.setItem(slot, first);
    if (first === '"Dark"') document.documentElement.style.background = paper; // no white page in a dark room
    const keep = () => {
      const now = localStorage.getItem(slot);
      if (now && now !== (localStorage.getItem(own) ?? first)) localStorage.setItem(own, now);
    };
    addEventListener("pagehide", keep);
    document.addEventListener("visibilitychange", keep);
  } catch {
    // This browser keeps nothing for pages: its own setting decides.
  }
})();
