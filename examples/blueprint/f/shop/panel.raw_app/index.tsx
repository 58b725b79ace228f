document.body.textContent = "panel";
