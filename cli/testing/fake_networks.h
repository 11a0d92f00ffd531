// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: the service davit.v1.Networks with a made-up node, and networks that exist in memory only.
// The first network that is made has an id of 64 times "a", and so on.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "api/davit/v1/davit.grpc.pb.h"

namespace davit::cli {

class FakeNetworks final : public ::davit::v1::Networks::Service {
 public:
  void Set(::davit::v1::NetworkStatusResponse answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }

  grpc::Status Create(grpc::ServerContext*, const ::davit::v1::CreateNetworkRequest* request,
                      ::davit::v1::CreateNetworkResponse* response) override {
    std::lock_guard lock(mutex_);
    ::davit::v1::Network& network = *list_.add_networks();
    network.set_id(std::string(64, static_cast<char>('a' + made_++)));
    network.set_name(request->name());
    *network.mutable_spec() = request->spec();
    response->set_id(network.id());
    return grpc::Status::OK;
  }
  grpc::Status List(grpc::ServerContext*, const ::davit::v1::ListNetworksRequest*,
                    ::davit::v1::ListNetworksResponse* response) override {
    std::lock_guard lock(mutex_);
    *response = list_;
    return grpc::Status::OK;
  }
  grpc::Status Inspect(grpc::ServerContext*, const ::davit::v1::InspectNetworkRequest* request,
                       ::davit::v1::InspectNetworkResponse* response) override {
    std::lock_guard lock(mutex_);
    for (const ::davit::v1::Network& network : list_.networks())
      if (network.name() == request->network()) *response->mutable_network() = network;
    return response->has_network() ? grpc::Status::OK : NotFound(request->network());
  }
  grpc::Status Remove(grpc::ServerContext*, const ::davit::v1::RemoveNetworkRequest* request,
                      ::davit::v1::RemoveNetworkResponse*) override {
    std::lock_guard lock(mutex_);
    for (int i = 0; i < list_.networks_size(); ++i) {
      if (list_.networks(i).name() != request->network()) continue;
      list_.mutable_networks()->DeleteSubrange(i, 1);
      return grpc::Status::OK;
    }
    return NotFound(request->network());
  }
  // Nothing uses any.
  grpc::Status Prune(grpc::ServerContext*, const ::davit::v1::PruneNetworksRequest*,
                     ::davit::v1::PruneNetworksResponse* response) override {
    std::lock_guard lock(mutex_);
    for (const ::davit::v1::Network& network : list_.networks()) response->add_removed(network.name());
    list_.clear_networks();
    return grpc::Status::OK;
  }

  grpc::Status Status(grpc::ServerContext*, const ::davit::v1::NetworkStatusRequest*,
                      ::davit::v1::NetworkStatusResponse* response) override {
    std::lock_guard lock(mutex_);
    *response = answer_;
    return grpc::Status::OK;
  }

 private:
  static grpc::Status NotFound(const std::string& name) {
    return {grpc::StatusCode::NOT_FOUND, "find network " + name + ": no such network"};
  }

  std::mutex mutex_;
  ::davit::v1::ListNetworksResponse list_;
  int made_ = 0;
  ::davit::v1::NetworkStatusResponse answer_;
};

}  // namespace davit::cli
