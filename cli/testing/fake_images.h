// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: the service davit.v1.Images with images that are only names. Every name is one image with the
// tag docker.io/library/NAME:latest and one layer.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/davit/v1/davit.grpc.pb.h"

namespace davit::cli {

namespace api = ::davit::v1;

class FakeImages final : public api::Images::Service {
 public:
  void Add(const std::string& name);
  void Remove(const std::string& name_or_id);
  bool Has(const std::string& name) const;
  std::vector<std::string> names() const;
  // Ids that begin with "1", "2"... in the order of names.
  std::string IdOf(const std::string& name) const;

  // The pulls that have succeeded.
  std::vector<api::PullImageRequest> pulls() const;
  // "Tag busybox team/app:1", "Prune all": the other calls, in order.
  std::vector<std::string> calls() const;

  // Fails for names that begin with "missing". For names that begin with "slow", sends progress and then
  // blocks until the client cancels the call. Names on registry "private.test" need the password "secret".
  grpc::Status Pull(grpc::ServerContext*, const api::PullImageRequest*,
                    grpc::ServerWriter<api::PullImageResponse>*) override;
  grpc::Status List(grpc::ServerContext*, const api::ListImagesRequest*,
                    grpc::ServerWriter<api::ListImagesResponse>*) override;
  grpc::Status Inspect(grpc::ServerContext*, const api::InspectImageRequest*,
                       api::InspectImageResponse*) override;
  grpc::Status Tag(grpc::ServerContext*, const api::TagImageRequest*, api::TagImageResponse*) override;
  grpc::Status Untag(grpc::ServerContext*, const api::UntagImageRequest*, api::UntagImageResponse*) override;
  grpc::Status Usage(grpc::ServerContext*, const api::UsageRequest*, api::UsageResponse*) override;
  grpc::Status Prune(grpc::ServerContext*, const api::PruneImagesRequest*,
                     api::PruneImagesResponse*) override;
  // The password "secret" is right.
  grpc::Status CheckCredentials(grpc::ServerContext*, const api::CheckCredentialsRequest*,
                                api::CheckCredentialsResponse*) override;

 private:
  api::Image ImageOf(const std::string& name) const;

  mutable std::mutex mutex_;  // guards the members below
  std::set<std::string> names_;
  std::vector<api::PullImageRequest> pulls_;
  std::vector<std::string> calls_;
};

}  // namespace davit::cli
