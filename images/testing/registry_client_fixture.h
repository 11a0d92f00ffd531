// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A registry client and servers on loopback that fail in every way.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "images/digest.h"
#include "images/registry_client.h"
#include "images/testing/blob_recorder.h"
#include "images/testing/fake_server.h"

namespace davit::images {

class RegistryClientTest : public ::testing::Test {
 protected:
  static constexpr char kManifest[] = R"({"schemaVersion":2})";

  static std::string MakeBlob() {
    std::string blob;
    for (int i = 0; blob.size() < 100'000; ++i) blob += std::to_string(i) + " ";
    return blob;
  }
  static inline const std::string kBlob = MakeBlob();

  static FakeResponse Serve(const FakeRequest& request) {
    if (request.target.find("/manifests/") != std::string::npos) return {200, {}, kManifest};
    return ServeRange({200, {}, kBlob}, request);
  }

  static FakeResponse Status(int status, std::vector<std::string> headers = {}) {
    return {status, std::move(headers), ""};
  }

  // The response without what follows the first `size` bytes of its body.
  static FakeResponse CutBody(FakeResponse response, size_t size) {
    response.content_length = static_cast<int64_t>(response.body.size());
    response.body.resize(std::min(size, response.body.size()));
    return response;
  }

  static RetryLimits Quick() {
    RetryLimits limits;
    limits.attempts = 3;
    limits.progress_bytes = 1000;
    limits.first_pause_ms = limits.longest_pause_ms = 2;
    limits.longest_retry_after_ms = 2000;
    return limits;
  }

  // A registry whose token server is `realm`.
  static FakeServer::Handler AsksForTokensOf(const std::string& realm) {
    return [realm](const FakeRequest& request) {
      if (request.Header("authorization") == "Bearer tok") return Serve(request);
      return Status(401, {"WWW-Authenticate: Bearer realm=\"" + realm + "\""});
    };
  }
  static RegistryHost Host(const FakeServer& server) {
    RegistryHost host;
    host.scheme = "http";
    host.host = server.host();
    return host;
  }
  std::unique_ptr<RegistryClient> Client(const std::vector<const FakeServer*>& servers,
                                         const std::optional<RegistryAuth>& auth = std::nullopt) {
    std::vector<RegistryHost> hosts;
    for (const FakeServer* server : servers) hosts.push_back(Host(*server));
    Reference reference = *ParseReference("registry.example/app:v1");
    auto client = RegistryClient::Create(reference, hosts, auth, options_, interrupt_);
    EXPECT_TRUE(client) << client.error().ToString();
    return std::move(*client);
  }
  Result<> FetchBlob(const std::vector<const FakeServer*>& servers,
                     const std::optional<RegistryAuth>& auth = std::nullopt) {
    return Client(servers, auth)->FetchBlob(descriptor_, sink_);
  }

  RegistryClient::Options options_{{}, Quick(), ""};
  Interrupt interrupt_{[] { return true; }};
  Descriptor descriptor_{"", *Sha256Of(kBlob), static_cast<int64_t>(kBlob.size()), std::nullopt, {}};
  BlobRecorder sink_;
};

}  // namespace davit::images
