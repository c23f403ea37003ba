document.body.textContent = "A page to measure with";
