// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Layers that registries do not distribute: their descriptors say where else they are (OCI image-spec
// descriptor.md, "urls"; layer.md, "Non-Distributable Layers").
#pragma once

#include <string>

#include "base/error.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/registry_client.h"

namespace davit::images {

// The author of an image chooses these URLs. So only https is used, no server gets a credential or a header
// of a registry, and content counts only if its size and digest are right. Thread-safe.
class ForeignLayers {
 public:
  // CAs and client certificates of a server are those that `certs_d` has for a registry on the same host.
  ForeignLayers(HttpClient::Limits limits, std::string certs_d)
      : http_(limits), certs_d_(std::move(certs_d)) {}

  // Sends the blob to the sink from the first URL that delivers it; its size and digest are then verified.
  // The error is that of the last URL, and names its host. kNotFound if the descriptor has no URL.
  Result<> FetchBlob(const Descriptor& descriptor, BlobSink& sink, const Interrupt& interrupt);

 private:
  Result<> FetchFrom(const std::string& address, const Descriptor& descriptor, BlobSink& sink,
                     const Interrupt& interrupt);
  Result<HttpResponse> GetFollowing(Url url, BodySink& sink, const Interrupt& interrupt);
  Result<ClientTls> TlsFor(const Url& url) const;

  HttpClient http_;
  const std::string certs_d_;
};

}  // namespace davit::images
