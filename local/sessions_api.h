// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Sessions over gRPC: api/davit/v1/sessions.proto says what its methods promise.
#pragma once

#include "api/davit/v1/sessions.grpc.pb.h"
#include "cri/runtime/sessions.h"
#include "cri/service/rpc.h"
#include "cri/service/session_table.h"
#include "local/local_containers.h"
#include "shim/protocol.h"

namespace davit::local {

// Takes the connection that has this token; see SessionTable::Take.
using TakeSession = std::function<Result<UniqueFd>(const std::string& token)>;

class SessionsApi final : public api::Sessions::Service {
 public:
  // All must outlive the service.
  SessionsApi(LocalContainers& containers, cri::Sessions& sessions, TakeSession take,
              cri::Admission& admission, const Logger& log)
      : containers_(containers), sessions_(sessions), take_(std::move(take)), edge_{log, admission} {}

  grpc::Status Exec(grpc::ServerContext* context, const api::SessionsExecRequest* request,
                    api::SessionsExecResponse* response) override;
  grpc::Status Attach(grpc::ServerContext* context, const api::SessionsAttachRequest* request,
                      api::SessionsAttachResponse* response) override;

 private:
  struct Target {
    cri::SessionTarget container;
    bool local = false;
  };
  // A running container, of people or of the kubelet.
  Result<Target> Find(const std::string& container) const;
  // Returns when the command has started, or was not executed.
  Result<api::SessionsExecResponse> StartDetached(const cri::SessionExec& exec);

  LocalContainers& containers_;
  cri::Sessions& sessions_;
  const TakeSession take_;
  const cri::Edge edge_;
};

// Reads and checks the fields of a request. A terminal of an unknown size is one of 0 rows and columns.
Result<shim::WindowSize> WindowSizeOf(const api::TerminalSize& size);
Result<> RequireToken(const std::string& token);

}  // namespace davit::local
