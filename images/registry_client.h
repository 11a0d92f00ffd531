// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fetches the manifests and blobs of one image (OCI distribution-spec, "Pull") from the first of its servers
// that delivers them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/attempts.h"
#include "images/authorizer.h"
#include "images/blob_stream.h"
#include "images/host_client.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/origin_tls.h"
#include "images/reference.h"
#include "images/registry_host.h"

namespace davit::images {

struct ManifestDocument {
  std::string bytes;
  std::string media_type;  // from the server's Content-Type header
  std::string digest;      // of the bytes
};

// The client of one pull. Thread-safe. Hosts are tried in order, each only for objects that it may serve, and
// again as retry_policy.h says, until one delivers content that matches its digest. A host that is slow is
// left early while others were not tried yet. The error is that of the last host in order that was tried. It
// names host and object, and its text says why the other hosts failed and what people can do (advice.h).
class RegistryClient {
 public:
  struct Options {
    HttpClient::Limits transfer;
    RetryLimits retry;
    std::string certs_d;  // as in RegistryHostsFor; for hosts that the registry sends the client to
  };

  // The last of `hosts` is the registry itself: credentials for the host of the reference are for it, too.
  // `interrupt` outlives the client. Proxies are those of the environment (proxy_settings.h).
  static Result<std::unique_ptr<RegistryClient>> Create(Reference reference, std::vector<RegistryHost> hosts,
                                                        const std::optional<RegistryAuth>& auth,
                                                        Options options, const Interrupt& interrupt);
  ~RegistryClient();

  // Requests the root of the registry's own API (distribution-spec, "Determining Support"), not of a
  // mirror's. kUnauthenticated if it refuses the credentials.
  Result<> CheckLogin();

  // Fetches the manifest or index of a tag or digest, at most 4 MiB.
  Result<ManifestDocument> FetchManifest(const std::string& tag_or_digest);

  // Fetches a small blob into memory, verified. kResourceExhausted above 8 MiB.
  Result<std::string> FetchDocument(const Descriptor& descriptor);

  // On success, size and digest of the blob are verified. After a broken connection, the blob goes on where
  // it stopped.
  Result<> FetchBlob(const Descriptor& descriptor, BlobSink& sink);

 private:
  struct Object {
    std::string kind;  // "manifests" or "blobs"
    std::string name;  // tag or digest
    bool by_tag = false;
  };
  struct Turn {
    size_t host = 0;           // index in hosts_
    bool others_left = false;  // not every host was asked yet
  };
  using AttemptAt = std::function<Attempted<>(Turn turn)>;

  RegistryClient(Reference reference, ProxySettings proxies, Options options, const Interrupt& interrupt);

  ObjectRequest RequestFor(const Object& object, Turn turn) const;
  std::vector<size_t> HostsFor(const Object& object) const;
  Result<> FromAnyHost(const Object& object, const AttemptAt& attempt);
  std::unexpected<Error> Failure(const std::string& what, bool by_tag,
                                 const std::map<size_t, Error>& by_host) const;
  Attempted<> FetchManifestAt(Turn turn, const Object& object, ManifestDocument& document);

  const Reference reference_;
  const Options options_;
  const Interrupt& interrupt_;
  HttpClient http_;
  OriginTls origin_tls_;
  std::unique_ptr<Authorizer> authorizer_;
  std::vector<std::unique_ptr<HostClient>> hosts_;
};

}  // namespace davit::images
