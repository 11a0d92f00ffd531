// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: the service davit.v1.Networks with a made-up answer.
#pragma once

#include <mutex>
#include <utility>

#include "api/davit/v1/davit.grpc.pb.h"

namespace davit::cli {

class FakeNetworks final : public ::davit::v1::Networks::Service {
 public:
  void Set(::davit::v1::NetworkStatusResponse answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }

  grpc::Status Status(grpc::ServerContext*, const ::davit::v1::NetworkStatusRequest*,
                      ::davit::v1::NetworkStatusResponse* response) override {
    std::lock_guard lock(mutex_);
    *response = answer_;
    return grpc::Status::OK;
  }

 private:
  std::mutex mutex_;
  ::davit::v1::NetworkStatusResponse answer_;
};

}  // namespace davit::cli
