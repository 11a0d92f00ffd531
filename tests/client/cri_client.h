// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A CRI client for tests: one call is one line, and its status is a value.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/cri/v1/api.grpc.pb.h"

namespace davit::client {

namespace v1 = ::runtime::v1;

using RuntimeStub = v1::RuntimeService::Stub;
using ImageStub = v1::ImageService::Stub;

template <typename Response>
struct Answer {
  grpc::Status status;
  Response value;
};

class CriClient {
 public:
  // `socket` is a path. Connects with the first call.
  explicit CriClient(const std::string& socket);

  // Makes one call: client.Ask(&RuntimeStub::Version, request).
  template <typename Request, typename Response>
  Answer<Response> Ask(grpc::Status (RuntimeStub::*method)(grpc::ClientContext*, const Request&, Response*),
                       const Request& request, std::chrono::milliseconds timeout = kTimeout) {
    return Call(*runtime_, method, request, timeout);
  }
  template <typename Request, typename Response>
  Answer<Response> Ask(grpc::Status (ImageStub::*method)(grpc::ClientContext*, const Request&, Response*),
                       const Request& request, std::chrono::milliseconds timeout = kTimeout) {
    return Call(*images_, method, request, timeout);
  }

  // Reads a streaming call to its end: client.AskAll(&RuntimeStub::StreamContainers, request).
  template <typename Request, typename Response>
  Answer<std::vector<Response>> AskAll(std::unique_ptr<grpc::ClientReader<Response>> (RuntimeStub::*method)(
                                           grpc::ClientContext*, const Request&),
                                       const Request& request) {
    return CallStream(*runtime_, method, request);
  }
  template <typename Request, typename Response>
  Answer<std::vector<Response>> AskAll(std::unique_ptr<grpc::ClientReader<Response>> (ImageStub::*method)(
                                           grpc::ClientContext*, const Request&),
                                       const Request& request) {
    return CallStream(*images_, method, request);
  }

 private:
  static constexpr std::chrono::seconds kTimeout{60};

  static std::chrono::system_clock::time_point Deadline(std::chrono::milliseconds timeout) {
    return std::chrono::system_clock::now() + timeout;
  }

  template <typename Stub, typename Request, typename Response>
  static Answer<Response> Call(Stub& stub,
                               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                               const Request& request, std::chrono::milliseconds timeout) {
    grpc::ClientContext context;
    context.set_deadline(Deadline(timeout));
    context.set_wait_for_ready(true);  // calls block while the daemon restarts
    Answer<Response> answer;
    answer.status = (stub.*method)(&context, request, &answer.value);
    return answer;
  }

  template <typename Stub, typename Request, typename Response>
  static Answer<std::vector<Response>> CallStream(
      Stub& stub,
      std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*, const Request&),
      const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(Deadline(kTimeout));
    auto reader = (stub.*method)(&context, request);
    Answer<std::vector<Response>> answer;
    for (Response part; reader->Read(&part);) answer.value.push_back(part);
    answer.status = reader->Finish();
    return answer;
  }

  std::unique_ptr<RuntimeStub> runtime_;
  std::unique_ptr<ImageStub> images_;
};

// Returns the value of a call that must succeed. Throws if it failed, which GoogleTest reports.
template <typename Response>
Response Must(Answer<Response> answer) {
  if (!answer.status.ok()) {
    throw std::runtime_error(Response::descriptor()->name() + ": code " +
                             std::to_string(answer.status.error_code()) + ": " +
                             answer.status.error_message());
  }
  return std::move(answer.value);
}

}  // namespace davit::client
