// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The client of a call that lasts as long as a registry, a disk or the client takes.
#pragma once

#include <grpcpp/server_context.h>

#include <utility>

#include "base/error.h"
#include "cri/service/client_gone.h"
#include "cri/service/progress_reporter.h"
#include "cri/service/stall_watch.h"
#include "images/interrupt.h"

namespace davit::cri {

// A client that keeps a message waiting for too long (StallWatch) is given up: its call is cancelled. The
// context must outlive the object.
class CarryClient {
 public:
  explicit CarryClient(grpc::ServerContext& context)
      : gone_(context), stall_([&context] { context.TryCancel(); }) {}

  const images::Interrupt& interrupt() const { return interrupt_; }

  // A write fails if the client has left, which the interrupt notices as well.
  template <typename Writer, typename Message>
  bool Write(Writer& writer, const Message& message) {
    return stall_.Write([&] { return writer.Write(message); });
  }
  template <typename Reader, typename Message>
  bool Read(Reader& reader, Message& message) {
    return stall_.Read([&] { return reader.Read(&message); });
  }

  // Instead of an error that only says that the call was cancelled.
  template <typename T>
  Result<T> Explain(Result<T> result) const {
    if (result || !stall_.stalled()) return result;
    return Fail(Code::kCancelled, "wait for", "the client", "it has not read or sent anything for too long");
  }

 private:
  ClientGone gone_;
  StallWatch stall_;
  const images::Interrupt interrupt_{[this] { return !gone_(); }};
};

// Sends the progress as messages of this kind.
template <typename Response, typename Writer>
ProgressReporter::Send SendTo(CarryClient& client, Writer& writer) {
  return [&client, &writer](ProgressReporter::Layers changed) {
    Response message;
    message.mutable_layers()->Swap(&changed);
    client.Write(writer, message);
  };
}

}  // namespace davit::cri
