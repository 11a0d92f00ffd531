// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A client of davitd on its Unix socket: of the CRI, and of Davit's own API.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "api/cri/v1/api.grpc.pb.h"
#include "api/davit/v1/containers.grpc.pb.h"
#include "api/davit/v1/davit.grpc.pb.h"
#include "api/davit/v1/events.grpc.pb.h"
#include "api/davit/v1/filesystems.grpc.pb.h"
#include "api/davit/v1/sessions.grpc.pb.h"
#include "api/davit/v1/volumes.grpc.pb.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "cli/interrupt.h"

namespace davit::cli {

namespace v1 = ::runtime::v1;
namespace api = ::davit::v1;

using RuntimeStub = v1::RuntimeService::StubInterface;
using ImageStub = v1::ImageService::StubInterface;
using OwnImageStub = api::Images::StubInterface;
using NetworkStub = api::Networks::StubInterface;
using OwnContainerStub = api::Containers::StubInterface;
using VolumeStub = api::Volumes::StubInterface;
using SessionStub = api::Sessions::StubInterface;
using FilesystemStub = api::Filesystems::StubInterface;
using EventStub = api::Events::StubInterface;

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

  template <typename Request, typename Response>
  using Reading = std::unique_ptr<grpc::ClientReaderInterface<Response>> (OwnImageStub::*)(
      grpc::ClientContext*, const Request&);
  // Reads a streaming call to its end, and passes each message to `take`. An error of `take` cancels the call
  // and is returned.
  template <typename Request, typename Response>
  Result<> ReadInto(Reading<Request, Response> method, const Request& request,
                    const std::function<Result<>(const Response&)>& take,
                    CallMode mode = CallMode::kNormal) const {
    return ReadFrom<Response>(*own_images_, method, request, take, mode);
  }

  // The same for a `take` that cannot fail.
  template <typename Request, typename Response>
  Result<> Read(Reading<Request, Response> method, const Request& request,
                const std::function<void(const Response&)>& take, CallMode mode = CallMode::kNormal) const {
    return ReadFrom<Response>(*own_images_, method, request, Always(take), mode);
  }
  // The same for the service Containers.
  template <typename Request, typename Response>
  using ReadingContainers = std::unique_ptr<grpc::ClientReaderInterface<Response>> (OwnContainerStub::*)(
      grpc::ClientContext*, const Request&);
  template <typename Request, typename Response>
  Result<> Read(ReadingContainers<Request, Response> method, const Request& request,
                const std::function<void(const Response&)>& take, CallMode mode = CallMode::kNormal) const {
    return ReadFrom<Response>(*own_containers_, method, request, Always(take), mode);
  }
  // The same for the service Volumes.
  template <typename Request, typename Response>
  using ReadingVolumes = std::unique_ptr<grpc::ClientReaderInterface<Response>> (VolumeStub::*)(
      grpc::ClientContext*, const Request&);
  template <typename Request, typename Response>
  Result<> Read(ReadingVolumes<Request, Response> method, const Request& request,
                const std::function<void(const Response&)>& take, CallMode mode = CallMode::kNormal) const {
    return ReadFrom<Response>(*volumes_, method, request, Always(take), mode);
  }

  // The same as ReadInto for the service Filesystems.
  template <typename Request, typename Response>
  using ReadingFilesystems = std::unique_ptr<grpc::ClientReaderInterface<Response>> (FilesystemStub::*)(
      grpc::ClientContext*, const Request&);
  template <typename Request, typename Response>
  Result<> ReadInto(ReadingFilesystems<Request, Response> method, const Request& request,
                    const std::function<Result<>(const Response&)>& take, CallMode mode) const {
    return ReadFrom<Response>(*filesystems_, method, request, take, mode);
  }

  // The same as ReadInto for the service Events.
  template <typename Request, typename Response>
  using ReadingEvents = std::unique_ptr<grpc::ClientReaderInterface<Response>> (EventStub::*)(
      grpc::ClientContext*, const Request&);
  template <typename Request, typename Response>
  Result<> ReadInto(ReadingEvents<Request, Response> method, const Request& request,
                    const std::function<Result<>(const Response&)>& take, CallMode mode) const {
    return ReadFrom<Response>(*events_, method, request, take, mode);
  }

  // Makes a call that streams to the service Filesystems. `next` sets the next message, and returns false
  // with the last one. An error of `next` cancels the call and is returned.
  template <typename Request, typename Response>
  using SendingFilesystems = std::unique_ptr<grpc::ClientWriterInterface<Request>> (FilesystemStub::*)(
      grpc::ClientContext*, Response*);
  template <typename Request, typename Response>
  Result<Response> Send(SendingFilesystems<Request, Response> method,
                        const std::function<Result<bool>(Request& message)>& next, CallMode mode) const {
    Response response;
    Result<bool> more = true;
    Result<> answered = Invoke(
        [&](grpc::ClientContext* context) {
          auto writer = (filesystems_.get()->*method)(context, &response);
          for (Request message; more && *more;) {
            more = next(message);
            if (more && !writer->Write(message)) break;  // the call has ended, and its status says why
          }
          more ? (void)writer->WritesDone() : context->TryCancel();
          return writer->Finish();
        },
        mode);
    if (!more) return std::unexpected(std::move(more).error());
    if (!answered) return std::unexpected(std::move(answered).error());
    return response;
  }

  template <typename Request, typename Response>
  using Exchanging = std::unique_ptr<grpc::ClientReaderWriterInterface<Request, Response>> (OwnImageStub::*)(
      grpc::ClientContext*);
  // Makes a call that streams in both directions. `next` sets the next message, and returns false with the
  // last one; it runs on a thread of its own. It must return soon, with anything, when `over` is readable:
  // the call has ended. An error of `next` cancels the call and is returned.
  template <typename Request, typename Response>
  Result<> Exchange(Exchanging<Request, Response> method,
                    const std::function<Result<bool>(Request& message, int over)>& next,
                    const std::function<void(const Response&)>& take, CallMode mode) const {
    UniqueFd over(eventfd(0, EFD_CLOEXEC));
    if (!over) return SystemError("eventfd", "call");
    Result<> sent;
    Result<> answered = Invoke(
        [&](grpc::ClientContext* context) {
          auto stream = (own_images_.get()->*method)(context);
          std::jthread sender([&] {
            Request message;
            Result<bool> more = true;
            while (more && *more) {
              more = next(message, over.get());
              if (more && !stream->Write(message)) break;
            }
            if (!more) sent = std::unexpected(more.error());
            more ? (void)stream->WritesDone() : context->TryCancel();
          });
          for (Response message; stream->Read(&message);) take(message);
          eventfd_write(over.get(), 1);
          sender.join();
          return stream->Finish();
        },
        mode);
    bool ours = !sent && sent.error().code != Code::kCancelled;
    return ours ? sent : answered;
  }

 private:
  Daemon(std::string address, const Interrupt& interrupt)
      : address_(std::move(address)), interrupt_(&interrupt) {}

  RuntimeStub& Stub(RuntimeStub* /*tag*/) const { return *runtime_; }
  ImageStub& Stub(ImageStub* /*tag*/) const { return *images_; }
  OwnImageStub& Stub(OwnImageStub* /*tag*/) const { return *own_images_; }
  NetworkStub& Stub(NetworkStub* /*tag*/) const { return *networks_; }
  OwnContainerStub& Stub(OwnContainerStub* /*tag*/) const { return *own_containers_; }
  VolumeStub& Stub(VolumeStub* /*tag*/) const { return *volumes_; }
  SessionStub& Stub(SessionStub* /*tag*/) const { return *sessions_; }
  FilesystemStub& Stub(FilesystemStub* /*tag*/) const { return *filesystems_; }

  template <typename Message>
  static std::function<Result<>(const Message&)> Always(const std::function<void(const Message&)>& take) {
    return [&take](const Message& message) -> Result<> {
      take(message);
      return {};
    };
  }

  template <typename Response, typename Service, typename Method, typename Request>
  Result<> ReadFrom(Service& stub, Method method, const Request& request,
                    const std::function<Result<>(const Response&)>& take, CallMode mode) const {
    Result<> taken;
    Result<> answered = Invoke(
        [&](grpc::ClientContext* context) {
          auto reader = (stub.*method)(context, request);
          for (Response message; taken && reader->Read(&message);) taken = take(message);
          if (!taken) context->TryCancel();
          return reader->Finish();
        },
        mode);
    return taken ? answered : taken;
  }

  Result<> Invoke(const std::function<grpc::Status(grpc::ClientContext*)>& call, CallMode mode) const;
  Error Explain(const grpc::Status& status, bool expired) const;

  std::string address_;
  const Interrupt* interrupt_;
  std::unique_ptr<RuntimeStub> runtime_;
  std::unique_ptr<ImageStub> images_;
  std::unique_ptr<OwnImageStub> own_images_;
  std::unique_ptr<NetworkStub> networks_;
  std::unique_ptr<OwnContainerStub> own_containers_;
  std::unique_ptr<VolumeStub> volumes_;
  std::unique_ptr<SessionStub> sessions_;
  std::unique_ptr<FilesystemStub> filesystems_;
  std::unique_ptr<EventStub> events_;
};

}  // namespace davit::cli
