// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: the service davit.v1.Volumes with volumes that are entries of a map.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/davit/v1/volumes.grpc.pb.h"

namespace davit::cli {

class FakeVolumes final : public ::davit::v1::Volumes::Service {
 public:
  void Add(const std::string& name, const std::map<std::string, std::string>& labels = {},
           const std::vector<std::string>& users = {}) {
    std::lock_guard lock(mutex_);
    ::davit::v1::Volume& volume = volumes_[name];
    volume.set_name(name);
    volume.set_created_at(1'767'322'800'000'000'000);
    volume.set_mountpoint("/volumes/" + name + "/_data");
    volume.mutable_labels()->insert(labels.begin(), labels.end());
    for (const std::string& id : users) volume.add_containers(id);
  }
  std::vector<std::string> names() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, volume] : volumes_) names.push_back(name);
    return names;
  }
  ::davit::v1::PruneVolumesRequest last_prune() const {
    std::lock_guard lock(mutex_);
    return last_prune_;
  }

  grpc::Status Create(grpc::ServerContext*, const ::davit::v1::CreateVolumeRequest* request,
                      ::davit::v1::CreateVolumeResponse* response) override {
    std::string name = request->name().empty() ? std::string(64, 'a') : request->name();
    Add(name, {request->labels().begin(), request->labels().end()});
    std::lock_guard lock(mutex_);
    *response->mutable_volume() = volumes_.at(name);
    return grpc::Status::OK;
  }
  grpc::Status Inspect(grpc::ServerContext*, const ::davit::v1::InspectVolumeRequest* request,
                       ::davit::v1::InspectVolumeResponse* response) override {
    std::lock_guard lock(mutex_);
    auto found = volumes_.find(request->name());
    if (found == volumes_.end()) return NoVolume(request->name());
    *response->mutable_volume() = found->second;
    return grpc::Status::OK;
  }
  grpc::Status List(grpc::ServerContext*, const ::davit::v1::ListVolumesRequest*,
                    grpc::ServerWriter<::davit::v1::ListVolumesResponse>* writer) override {
    std::lock_guard lock(mutex_);
    for (const auto& [name, volume] : volumes_) {
      ::davit::v1::ListVolumesResponse message;
      *message.add_volumes() = volume;
      writer->Write(message);
    }
    return grpc::Status::OK;
  }
  grpc::Status Remove(grpc::ServerContext*, const ::davit::v1::RemoveVolumeRequest* request,
                      ::davit::v1::RemoveVolumeResponse*) override {
    std::lock_guard lock(mutex_);
    auto found = volumes_.find(request->name());
    if (found == volumes_.end()) return NoVolume(request->name());
    if (found->second.containers_size() > 0)
      return {grpc::StatusCode::FAILED_PRECONDITION, "remove " + request->name() + ": volume is in use"};
    volumes_.erase(found);
    return grpc::Status::OK;
  }
  grpc::Status Prune(grpc::ServerContext*, const ::davit::v1::PruneVolumesRequest* request,
                     ::davit::v1::PruneVolumesResponse* response) override {
    std::lock_guard lock(mutex_);
    last_prune_ = *request;
    response->add_removed("old");
    response->set_reclaimed_bytes(4'200'000);
    return grpc::Status::OK;
  }
  grpc::Status Usage(grpc::ServerContext*, const ::davit::v1::VolumesUsageRequest*,
                     ::davit::v1::VolumesUsageResponse* response) override {
    response->set_total(3);
    response->set_active(1);
    response->set_total_bytes(4'000'000);
    response->set_reclaimable_bytes(1'000'000);
    return grpc::Status::OK;
  }

 private:
  static grpc::Status NoVolume(const std::string& name) {
    return {grpc::StatusCode::NOT_FOUND, "get " + name + ": no such volume"};
  }

  mutable std::mutex mutex_;  // guards the members below
  std::map<std::string, ::davit::v1::Volume> volumes_;
  ::davit::v1::PruneVolumesRequest last_prune_;
};

}  // namespace davit::cli
