// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Events over gRPC: api/davit/v1/events.proto says what it promises.
#pragma once

#include <memory>

#include "api/davit/v1/events.grpc.pb.h"
#include "cri/service/news_stream.h"
#include "local/event_log.h"

namespace davit::local {

class EventsApi final : public api::Events::WithAsyncMethod_Watch<api::Events::Service> {
 public:
  // All must outlive the service, which must outlive the completion thread.
  EventsApi(EventLog& events, cri::Admission& admission, const Logger& log)
      : events_(events), edge_{log, admission} {}

  // Begins to accept Watch. Call it after the server is built.
  void AcceptAsync(cri::CompletionThread& thread);

 private:
  class Stream;

  EventLog& events_;
  const cri::Edge edge_;
};

}  // namespace davit::local
