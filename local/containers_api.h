// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Containers over gRPC: api/davit/v1/containers.proto says what its methods promise.
#pragma once

#include <memory>

#include "api/davit/v1/containers.grpc.pb.h"
#include "cri/service/list_stream.h"
#include "cri/service/rpc.h"
#include "local/local_containers.h"
#include "local/sessions_api.h"
#include "local/wait_stream.h"

namespace davit::local {

class ContainersApi final : public AsyncContainersApi {
 public:
  // All must outlive the service.
  ContainersApi(LocalContainers& containers, TakeSession take, cri::Admission& admission, const Logger& log)
      : containers_(containers), take_(std::move(take)), edge_{log, admission} {}

  // Begins to accept List and Wait. Call it after the server is built.
  void AcceptAsync(cri::ListStreamSetting& setting);

#define DAVIT_RPC(name, Message)                                                        \
  grpc::Status name(grpc::ServerContext* context, const api::Message##Request* request, \
                    api::Message##Response* response) override
  DAVIT_RPC(Create, CreateContainer);
  DAVIT_RPC(Start, StartContainer);
  DAVIT_RPC(Stop, StopContainer);
  DAVIT_RPC(Restart, RestartContainer);
  DAVIT_RPC(Kill, KillContainer);
  DAVIT_RPC(Pause, PauseContainer);
  DAVIT_RPC(Unpause, UnpauseContainer);
  DAVIT_RPC(Update, UpdateContainer);
  DAVIT_RPC(Rename, RenameContainer);
  DAVIT_RPC(Remove, RemoveContainer);
  DAVIT_RPC(Inspect, InspectContainer);
  DAVIT_RPC(Exec, ExecContainer);
  DAVIT_RPC(Stats, ContainerStats);
  DAVIT_RPC(Top, TopContainer);
#undef DAVIT_RPC

 private:
  LocalContainers& containers_;
  const TakeSession take_;
  const cri::Edge edge_;
  std::unique_ptr<WaitStreamSetting> waits_;
};

}  // namespace davit::local
