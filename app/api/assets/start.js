"use strict";

const element = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: element.dataset.spec,
  domNode: element,
  deepLinking: true,
  validatorUrl: null,
});
