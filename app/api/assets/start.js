"use strict";

const element = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: element.dataset.spec,
  domNode: element,
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
  // "Authorize" takes the bare token; a "Bearer " that was pasted with it is not sent twice.
  requestInterceptor: (request) => {
    const sent = request.headers?.Authorization;
    if (sent) {
      request.headers.Authorization = sent.replace(/^Bearer\s+(Bearer\s+)?/i, "Bearer ").trim();
    }
    return request;
  },
});
