// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/daemon.h"

#include <grpcpp/create_channel.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "base/unique_fd.h"

namespace davit::cli {
namespace {

// A list or the output of a command; the server bounds both.
constexpr int kMaxAnswerBytes = 64 << 20;

Result<std::string> SocketPath(const std::string& address) {
  constexpr std::string_view kScheme = "unix://";
  if (!address.starts_with(kScheme) || address.size() <= kScheme.size() || address[kScheme.size()] != '/') {
    return Fail(Code::kInvalidArgument, "address", address, "write unix:///PATH");
  }
  std::string path = address.substr(kScheme.size());
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Fail(Code::kInvalidArgument, "address", address, "the path of a socket has at most 107 bytes");
  }
  return path;
}

// gRPC would try again and again, and tell of it in words of its own.
Result<> CheckSomebodyListens(const std::string& address) {
  std::string path = TRY(SocketPath(address));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("socket", address);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0) {
    Error error = Within("cannot reach davitd", SystemError("connect to", address).error());
    if (error.os_errno == ENOENT)
      error.code = Code::kUnavailable;  // as a refused connection: it may come back
    return std::unexpected(std::move(error));
  }
  return {};
}

// Cancels a call when the user interrupts; its own end ends the watch.
class CancelOnInterrupt {
 public:
  CancelOnInterrupt(grpc::ClientContext& context, const Interrupt& interrupt)
      : done_(eventfd(0, EFD_CLOEXEC)) {
    // Without a way to end it there must be no watch: then the call is merely not interruptible.
    if (done_) watcher_ = std::jthread([this, &context, &interrupt] { Watch(context, interrupt); });
  }

  ~CancelOnInterrupt() { eventfd_write(done_.get(), 1); }

  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;

 private:
  void Watch(grpc::ClientContext& context, const Interrupt& interrupt) const {
    pollfd waits[] = {{done_.get(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}};
    while (poll(waits, 2, /*timeout=*/-1) < 0 && errno == EINTR) {
    }
    if ((waits[1].revents & POLLIN) != 0) context.TryCancel();
  }

  UniqueFd done_;
  std::jthread watcher_;  // joined before done_ is closed
};

Code CodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return Code::kInvalidArgument;
    case grpc::StatusCode::NOT_FOUND:
      return Code::kNotFound;
    case grpc::StatusCode::ALREADY_EXISTS:
      return Code::kAlreadyExists;
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ABORTED:
      return Code::kFailedPrecondition;
    case grpc::StatusCode::PERMISSION_DENIED:
      return Code::kPermissionDenied;
    case grpc::StatusCode::UNAUTHENTICATED:
      return Code::kUnauthenticated;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Code::kResourceExhausted;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Code::kDeadlineExceeded;
    case grpc::StatusCode::CANCELLED:
      return Code::kCancelled;
    case grpc::StatusCode::UNAVAILABLE:
      return Code::kUnavailable;
    case grpc::StatusCode::UNIMPLEMENTED:
      return Code::kUnimplemented;
    case grpc::StatusCode::DATA_LOSS:
      return Code::kDataLoss;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Result<Daemon> Daemon::Connect(const std::string& address, const Interrupt& interrupt) {
  TRY(CheckSomebodyListens(address));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // The defaults are for peers across the world; this one restarts within a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  Daemon daemon(address, interrupt);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  daemon.runtime_ = v1::RuntimeService::NewStub(channel);
  daemon.images_ = v1::ImageService::NewStub(channel);
  daemon.own_images_ = api::Images::NewStub(channel);
  daemon.networks_ = api::Networks::NewStub(channel);
  daemon.own_containers_ = api::Containers::NewStub(channel);
  daemon.volumes_ = api::Volumes::NewStub(channel);
  daemon.sessions_ = api::Sessions::NewStub(channel);
  daemon.filesystems_ = api::Filesystems::NewStub(channel);
  daemon.events_ = api::Events::NewStub(channel);
  return daemon;
}

Result<> Daemon::Invoke(const std::function<grpc::Status(grpc::ClientContext*)>& call, CallMode mode) const {
  grpc::ClientContext context;
  if (mode != CallMode::kPatient) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(kCallSeconds));
  }
  grpc::Status status;
  if (mode == CallMode::kShielded) {
    status = call(&context);
  } else {
    CancelOnInterrupt watch(context, *interrupt_);
    status = call(&context);
  }
  if (status.ok()) return {};
  return std::unexpected(Explain(status, context.deadline() <= std::chrono::system_clock::now()));
}

Error Daemon::Explain(const grpc::Status& status, bool expired) const {
  Error error;
  error.code = CodeOf(status.error_code());
  error.context = status.error_message();
  if (error.code == Code::kCancelled && interrupt_->Pending()) {
    error.context = "interrupted";
  } else if (error.code == Code::kDeadlineExceeded && expired) {
    error.context = "no answer from " + address_ + " within " + std::to_string(kCallSeconds) + " s";
  } else if (error.code == Code::kUnavailable) {
    // The daemon's own word, such as a registry that is down, unless the daemon itself is what is missing.
    if (Result<> reached = CheckSomebodyListens(address_); !reached) return reached.error();
  } else if (error.code == Code::kUnimplemented && error.context.empty()) {
    error.context = "the server at " + address_ + " cannot do that";
  }
  if (error.context.empty()) error.context = "the server at " + address_ + " failed without a reason";
  return error;
}

}  // namespace davit::cli
