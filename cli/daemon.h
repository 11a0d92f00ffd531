// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A client of davitd on its Unix socket: of the CRI, and of Davit's own API.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/cri/v1/api.grpc.pb.h"
#include "api/davit/v1/davit.grpc.pb.h"
#include "base/error.h"
#include "cli/interrupt.h"

namespace davit::cli {

namespace v1 = ::runtime::v1;
namespace api = ::davit::v1;

using RuntimeStub = v1::RuntimeService::StubInterface;
using ImageStub = v1::ImageService::StubInterface;
using OwnImageStub = api::Images::StubInterface;

// How long to wait for the answer to a call.
enum class CallMode : uint8_t {
  kNormal,    // up to kCallSeconds; an interrupt cancels the call
  kPatient,   // without limit; an interrupt cancels the call: pulls, commands
  kShielded,  // up to kCallSeconds; interrupts are ignored: clean-up
};

// RunPodSandbox with a slow network plugin is the longest call that has a limit.
constexpr int kCallSeconds = 240;

// Thread-safe. The Interrupt given to Connect must outlive it.
class Daemon {
 public:
  // `address` is "unix:///PATH". Fails at once if no server listens there.
  static Result<Daemon> Connect(const std::string& address, const Interrupt& interrupt);

  const std::string& address() const { return address_; }

  // Calls a method of one of the services: `Call(&RuntimeStub::Version, request)`. The error has the daemon's
  // own text, or says that the daemon cannot be reached, took too long (kDeadlineExceeded) or that the call
  // was interrupted (kCancelled).
  template <typename Service, typename Request, typename Response>
  Result<Response> Call(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*),
                        const Request& request, CallMode mode = CallMode::kNormal) const {
    Response response;
    Service& stub = Stub(static_cast<Service*>(nullptr));
    TRY(Invoke([&](grpc::ClientContext* context) { return (stub.*method)(context, request, &response); },
               mode));
    return response;
  }

  // Reads a streaming call to its end, and passes each message to `take`.
  template <typename Request, typename Response>
  Result<> Read(std::unique_ptr<grpc::ClientReaderInterface<Response>> (OwnImageStub::*method)(
                    grpc::ClientContext*, const Request&),
                const Request& request, const std::function<void(const Response&)>& take,
                CallMode mode = CallMode::kNormal) const {
    return Invoke(
        [&](grpc::ClientContext* context) {
          auto reader = (own_images_.get()->*method)(context, request);
          for (Response message; reader->Read(&message);) take(message);
          return reader->Finish();
        },
        mode);
  }

 private:
  Daemon(std::string address, const Interrupt& interrupt)
      : address_(std::move(address)), interrupt_(&interrupt) {}

  RuntimeStub& Stub(RuntimeStub* /*tag*/) const { return *runtime_; }
  ImageStub& Stub(ImageStub* /*tag*/) const { return *images_; }
  OwnImageStub& Stub(OwnImageStub* /*tag*/) const { return *own_images_; }

  Result<> Invoke(const std::function<grpc::Status(grpc::ClientContext*)>& call, CallMode mode) const;
  Error Explain(const grpc::Status& status, bool expired) const;

  std::string address_;
  const Interrupt* interrupt_;
  std::unique_ptr<RuntimeStub> runtime_;
  std::unique_ptr<ImageStub> images_;
  std::unique_ptr<OwnImageStub> own_images_;
};

}  // namespace davit::cli
