// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A connection to the repository that an image is pushed to.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "images/authorizer.h"
#include "images/host_client.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/origin_tls.h"
#include "images/push/upload_client.h"
#include "images/reference.h"
#include "images/registry_auth.h"
#include "images/registry_client.h"

namespace davit::images {

class PushTarget {
 public:
  // `reference` and `interrupt` must outlive the object. `mount_from` is a repository of the same registry
  // that blobs may be mounted from, or empty. kFailedPrecondition if hosts.toml lets no host be pushed to.
  static Result<std::unique_ptr<PushTarget>> Connect(const Reference& reference,
                                                     const std::optional<RegistryAuth>& auth,
                                                     const std::string& mount_from,
                                                     const RegistryClient::Options& options,
                                                     const Interrupt& interrupt);

  UploadClient& client() { return *client_; }
  const std::string& host() const { return host_->host().host; }

 private:
  PushTarget(const RegistryClient::Options& options, ProxySettings proxies)
      : http_(options.transfer, std::move(proxies)), origin_tls_(options.certs_d) {}

  HttpClient http_;
  OriginTls origin_tls_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<HostClient> host_;
  std::optional<UploadClient> client_;
};

}  // namespace davit::images
