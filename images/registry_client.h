// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fetches the manifests and blobs of one image (OCI distribution-spec, "Pull") from the first of its servers
// that delivers them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "images/authorizer.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/reference.h"
#include "images/registry_host.h"

namespace davit::images {

// Receives a blob. Begin may be called more than once: if one server fails half-way, the next one sends the
// blob from its first byte. The data is verified only when FetchBlob returns without an error. An error of
// either method ends the fetch.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Result<> Begin() = 0;
  virtual Result<> Write(std::string_view piece) = 0;
};

struct ManifestDocument {
  std::string bytes;
  std::string media_type;  // from the server's Content-Type header
  std::string digest;      // of the bytes
};

// The client of one pull. Thread-safe. Servers are tried in order, each only for objects that it may serve,
// until one delivers content that matches its digest. The error is that of the last server. It names host and
// object, and its text says why the earlier servers failed.
class RegistryClient {
 public:
  // `interrupt` outlives the client.
  static Result<std::unique_ptr<RegistryClient>> Create(Reference reference, std::vector<RegistryHost> hosts,
                                                        const std::optional<RegistryAuth>& auth,
                                                        HttpClient::Limits limits,
                                                        const Interrupt& interrupt);
  ~RegistryClient();

  // Fetches the manifest or index of a tag or digest, at most 8 MiB.
  Result<ManifestDocument> FetchManifest(const std::string& tag_or_digest);

  // Fetches a small blob into memory, verified. kResourceExhausted above 8 MiB.
  Result<std::string> FetchDocument(const Descriptor& descriptor);

  // On success, size and digest of the blob are verified.
  Result<> FetchBlob(const Descriptor& descriptor, BlobSink& sink);

 private:
  struct Server;
  struct Object;

  RegistryClient(Reference reference, HttpClient::Limits limits, ProxySettings proxies,
                 const Interrupt& interrupt);

  Result<> FromAnyServer(const Object& object, const std::function<Result<>(Server&)>& fetch);
  Result<HttpResponse> Get(Server& server, const Object& object, BodySink* sink);
  Result<HttpResponse> GetFollowing(Server& server, const Object& object, const Url& url, BodySink* sink);
  Result<HttpResponse> GetAuthorized(Server& server, const Object& object, const Url& url, bool redirected,
                                     BodySink* sink);

  const Reference reference_;
  const Interrupt& interrupt_;
  HttpClient http_;
  std::unique_ptr<Authorizer> authorizer_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace davit::images
