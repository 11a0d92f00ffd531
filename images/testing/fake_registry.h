// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A registry in memory that takes pushed images (OCI distribution-spec), and fails as a test wants it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "images/testing/fake_server.h"

namespace davit::images {

class FakeRegistry {
 public:
  // What happens to a request instead of the usual. nullopt: the usual. Called on several threads, one at a
  // time.
  using Fault =
      std::function<std::optional<FakeResponse>(FakeRegistry& registry, const FakeRequest& request)>;

  explicit FakeRegistry(Fault fault = nullptr)
      : fault_(std::move(fault)), server_([this](const FakeRequest& request) { return Answer(request); }) {}

  std::string host() const { return server_.host(); }
  // "METHOD kind" of all requests in order, without the names of objects: "HEAD blobs", "PATCH upload".
  std::vector<std::string> Steps();
  std::vector<FakeRequest> requests() { return server_.requests(); }

  // By "REPOSITORY@DIGEST" and "REPOSITORY:TAG". For the test's own thread while no request is in progress.
  std::map<std::string, std::string> blobs;
  std::map<std::string, std::string> manifests;
  std::map<std::string, std::string> manifest_types;
  bool mounts = false;     // takes blobs from other repositories
  int shortest_piece = 0;  // bytes that pieces are to have (OCI-Chunk-Min-Length)

  // For faults: the registry stores the beginning of the request's body, as one that is cut does.
  void StorePart(const FakeRequest& request, size_t bytes);
  void DropUploads() { uploads_.clear(); }

 private:
  FakeResponse Answer(const FakeRequest& request);
  FakeResponse AnswerBlob(const FakeRequest& request, const std::string& repository,
                          const std::string& object);
  FakeResponse AnswerManifest(const FakeRequest& request, const std::string& repository,
                              const std::string& object);
  FakeResponse StartUpload(const FakeRequest& request, const std::string& repository);
  FakeResponse AnswerUpload(const FakeRequest& request, const std::string& repository, const std::string& id);
  FakeResponse Located(int status, const std::string& repository, const std::string& id);

  const Fault fault_;
  std::mutex mutex_;
  std::map<std::string, std::string> uploads_;  // content by id
  int next_upload_ = 1;
  FakeServer server_;  // last member, because its threads use the others
};

}  // namespace davit::images
