// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A client of Davit's own API (api/davit/v1/davit.proto).
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "api/davit/v1/davit.grpc.pb.h"
#include "tests/client/cri_client.h"

namespace davit::e2e {

class OwnClient {
 public:
  using Stub = ::davit::v1::Images::Stub;

  explicit OwnClient(const std::shared_ptr<grpc::Channel>& channel)
      : images_(::davit::v1::Images::NewStub(channel)), networks_(::davit::v1::Networks::NewStub(channel)) {}

  client::Answer<::davit::v1::NetworkStatusResponse> AskForNetwork() {
    grpc::ClientContext context;
    SetDeadline(context);
    client::Answer<::davit::v1::NetworkStatusResponse> answer;
    answer.status = networks_->Status(&context, {}, &answer.value);
    return answer;
  }

  template <typename Request, typename Response>
  client::Answer<Response> Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                               const Request& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    client::Answer<Response> answer;
    answer.status = (images_.get()->*method)(&context, request, &answer.value);
    return answer;
  }

  // Reads a streaming call to its end.
  template <typename Request, typename Response>
  client::Answer<std::vector<Response>> AskAll(
      std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*, const Request&),
      const Request& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    auto reader = (images_.get()->*method)(&context, request);
    client::Answer<std::vector<Response>> answer;
    for (Response part; reader->Read(&part);) answer.value.push_back(part);
    answer.status = reader->Finish();
    return answer;
  }

  // For calls of other forms: `talk` makes the call and returns its status.
  template <typename Talk>
  grpc::Status Converse(Talk talk) {
    grpc::ClientContext context;
    SetDeadline(context);
    return talk(*images_, context);
  }
  Stub& stub() { return *images_; }

 private:
  static void SetDeadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }

  std::unique_ptr<Stub> images_;
  std::unique_ptr<::davit::v1::Networks::Stub> networks_;
};

}  // namespace davit::e2e
