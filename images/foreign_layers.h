// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fetches layers that registries may not distribute from the URLs in their descriptors
// (https://github.com/opencontainers/image-spec/blob/main/descriptor.md, "urls").
#pragma once

#include <string>

#include "base/error.h"
#include "images/attempts.h"
#include "images/blob_stream.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/origin_tls.h"
#include "images/registry_client.h"

namespace davit::images {

// The author of an image chooses these URLs. So only https is used, no server gets a credential or a header
// of a registry, and content counts only if its size and digest are right. Addresses are not filtered, as in
// containerd: a URL may lead to this host or its network, but a server there is sent a request only if its
// certificate is trusted for the name in the URL. Thread-safe.
class ForeignLayers {
 public:
  // CAs of a server are those that `options.certs_d` has for a registry on the same host.
  ForeignLayers(const RegistryClient::Options& options, ProxySettings proxies)
      : http_(options.transfer, std::move(proxies)), retry_(options.retry), origin_tls_(options.certs_d) {}

  // Sends the blob to the sink from the first URL that delivers it; its size and digest are then verified.
  // Attempts, pauses and broken connections are as in RegistryClient::FetchBlob. The error is that of the
  // last URL, and names its host. kNotFound if the descriptor has no URL.
  Result<> FetchBlob(const Descriptor& descriptor, BlobSink& sink, const Interrupt& interrupt);

 private:
  Attempted<> Get(const std::string& address, BlobStream& stream, const Interrupt& interrupt);

  HttpClient http_;
  const RetryLimits retry_;
  OriginTls origin_tls_;
};

}  // namespace davit::images
