// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CRI server at the other end of a Unix socket.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/cri/v1/api.grpc.pb.h"
#include "base/error.h"
#include "cli/interrupt.h"

namespace davit::cli {

namespace v1 = ::runtime::v1;

using RuntimeStub = v1::RuntimeService::StubInterface;
using ImageStub = v1::ImageService::StubInterface;

// How a call is waited for.
enum class CallMode : uint8_t {
  kNormal,    // up to kCallSeconds, and not beyond an interrupt
  kPatient,   // as long as it takes, but not beyond an interrupt: pulls, commands
  kShielded,  // up to kCallSeconds, whatever the user does: clean-up
};

// RunPodSandbox through a slow network plugin is the longest of the bounded calls.
constexpr int kCallSeconds = 240;

// Thread-safe. The Interrupt given to Connect outlives it.
class Daemon {
 public:
  // `address` is "unix:///PATH". Fails at once when nobody listens there.
  static Result<Daemon> Connect(const std::string& address, const Interrupt& interrupt);

  const std::string& address() const { return address_; }

  // Calls a method of either service: `Call(&RuntimeStub::Version, request)`. The context of an error is the
  // daemon's own text, or says that it cannot be reached, took too long (kDeadlineExceeded) or was
  // interrupted (kCancelled).
  template <typename Service, typename Request, typename Response>
  Result<Response> Call(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*),
                        const Request& request, CallMode mode = CallMode::kNormal) const {
    Response response;
    Service& stub = Stub(static_cast<Service*>(nullptr));
    TRY(Invoke([&](grpc::ClientContext* context) { return (stub.*method)(context, request, &response); },
               mode));
    return response;
  }

 private:
  Daemon(std::string address, const Interrupt& interrupt)
      : address_(std::move(address)), interrupt_(&interrupt) {}

  RuntimeStub& Stub(RuntimeStub* /*tag*/) const { return *runtime_; }
  ImageStub& Stub(ImageStub* /*tag*/) const { return *images_; }

  Result<> Invoke(const std::function<grpc::Status(grpc::ClientContext*)>& call, CallMode mode) const;
  Error Explain(const grpc::Status& status, bool expired) const;

  std::string address_;
  const Interrupt* interrupt_;
  std::unique_ptr<RuntimeStub> runtime_;
  std::unique_ptr<ImageStub> images_;
};

}  // namespace davit::cli
