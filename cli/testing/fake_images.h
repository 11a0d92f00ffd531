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
  std::vector<api::PushImageRequest> pushes() const;
  std::vector<api::ExportImagesRequest> exports() const;
  std::vector<std::string> imports() const;  // the archives
  // "Tag busybox team/app:1", "Prune all": the other calls, in order.
  std::vector<std::string> calls() const;

  // Fails for names that begin with "missing". For names that begin with "slow", sends progress and then
  // blocks until the client cancels the call. Names on registry "private.test" need the password "secret".
  grpc::Status Pull(grpc::ServerContext*, const api::PullImageRequest*,
                    grpc::ServerWriter<api::PullImageResponse>*) override;
  // As Pull. Names that begin with "partly" give a warning.
  grpc::Status Push(grpc::ServerContext*, const api::PushImageRequest*,
                    grpc::ServerWriter<api::PushImageResponse>*) override;
  // The archive is "archive of NAME\n" for each image. After that it fails for names that begin with
  // "broken", does not end for "endless", and blocks for "slow".
  grpc::Status Export(grpc::ServerContext*, const api::ExportImagesRequest*,
                      grpc::ServerWriter<api::ExportImagesResponse>*) override;
  // Loads an image with a tag and one without, and two more fail, if the archive begins with "bad". Fails at
  // once if it begins with "full".
  grpc::Status Import(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<api::ImportImagesResponse, api::ImportImagesRequest>*) override;
  grpc::Status List(grpc::ServerContext*, const api::ListImagesRequest*,
                    grpc::ServerWriter<api::ListImagesResponse>*) override;
  // Each has the label "name" and exposes two ports; those whose names begin with "old" are older.
  grpc::Status Inspect(grpc::ServerContext*, const api::InspectImageRequest*,
                       api::InspectImageResponse*) override;
  grpc::Status Tag(grpc::ServerContext*, const api::TagImageRequest*, api::TagImageResponse*) override;
  grpc::Status Untag(grpc::ServerContext*, const api::UntagImageRequest*, api::UntagImageResponse*) override;
  grpc::Status Usage(grpc::ServerContext*, const api::UsageRequest*, api::UsageResponse*) override;
  grpc::Status Prune(grpc::ServerContext*, const api::PruneImagesRequest*,
                     api::PruneImagesResponse*) override;
  // Images whose names begin with "damaged" have a damaged layer until they are repaired; "damaged-for-ever"
  // cannot be repaired.
  grpc::Status Verify(grpc::ServerContext*, const api::VerifyImagesRequest*,
                      grpc::ServerWriter<api::VerifyImagesResponse>*) override;
  grpc::Status Repair(grpc::ServerContext*, const api::RepairImageRequest*,
                      grpc::ServerWriter<api::RepairImageResponse>*) override;
  // The password "secret" is right.
  grpc::Status CheckCredentials(grpc::ServerContext*, const api::CheckCredentialsRequest*,
                                api::CheckCredentialsResponse*) override;

 private:
  api::Image ImageOf(const std::string& name) const;
  // By name or id; "" if there is none.
  std::string NameOf(const std::string& image) const;
  api::ImageHealth HealthOf(const std::string& name) const;

  mutable std::mutex mutex_;  // guards the members below
  std::set<std::string> names_;
  std::vector<api::PullImageRequest> pulls_;
  std::vector<api::PushImageRequest> pushes_;
  std::vector<api::ExportImagesRequest> exports_;
  std::vector<std::string> imports_;
  std::vector<std::string> calls_;
  std::set<std::string> repaired_;
};

}  // namespace davit::cli
