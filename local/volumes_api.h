// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Volumes over gRPC: api/davit/v1/volumes.proto says what its methods promise.
#pragma once

#include "api/davit/v1/volumes.grpc.pb.h"
#include "cri/service/list_stream.h"
#include "cri/service/rpc.h"
#include "local/volumes.h"

namespace davit::local {

using AsyncVolumesApi = api::Volumes::WithAsyncMethod_List<api::Volumes::Service>;

class VolumesApi final : public AsyncVolumesApi {
 public:
  // All must outlive the service.
  VolumesApi(Volumes& volumes, cri::Admission& admission, const Logger& log)
      : volumes_(volumes), edge_{log, admission} {}

  // Begins to accept List. Call it after the server is built.
  void AcceptListStreams(cri::ListStreamSetting& setting);

  grpc::Status Create(grpc::ServerContext* context, const api::CreateVolumeRequest* request,
                      api::CreateVolumeResponse* response) override;
  grpc::Status Inspect(grpc::ServerContext* context, const api::InspectVolumeRequest* request,
                       api::InspectVolumeResponse* response) override;
  grpc::Status Remove(grpc::ServerContext* context, const api::RemoveVolumeRequest* request,
                      api::RemoveVolumeResponse* response) override;
  grpc::Status Prune(grpc::ServerContext* context, const api::PruneVolumesRequest* request,
                     api::PruneVolumesResponse* response) override;
  grpc::Status Usage(grpc::ServerContext* context, const api::VolumesUsageRequest* request,
                     api::VolumesUsageResponse* response) override;

 private:
  Volumes& volumes_;
  const cri::Edge edge_;
};

}  // namespace davit::local
