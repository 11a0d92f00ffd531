// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Filesystems over gRPC: api/davit/v1/filesystems.proto says what its methods promise.
#pragma once

#include "api/davit/v1/filesystems.grpc.pb.h"
#include "cri/service/rpc.h"
#include "local/filesystems.h"

namespace davit::local {

class FilesystemsApi final : public api::Filesystems::Service {
 public:
  // All must outlive the service.
  FilesystemsApi(Filesystems& filesystems, cri::Admission& admission, const Logger& log)
      : filesystems_(filesystems), edge_{log, admission} {}

  grpc::Status Stat(grpc::ServerContext* context, const api::StatPathRequest* request,
                    api::StatPathResponse* response) override;
  grpc::Status Read(grpc::ServerContext* context, const api::ReadPathRequest* request,
                    grpc::ServerWriter<api::ReadPathResponse>* writer) override;
  grpc::Status Write(grpc::ServerContext* context, grpc::ServerReader<api::WritePathRequest>* reader,
                     api::WritePathResponse* response) override;
  grpc::Status Export(grpc::ServerContext* context, const api::ExportContainerRequest* request,
                      grpc::ServerWriter<api::ExportContainerResponse>* writer) override;
  grpc::Status Changes(grpc::ServerContext* context, const api::ContainerChangesRequest* request,
                       grpc::ServerWriter<api::ContainerChangesResponse>* writer) override;
  grpc::Status Commit(grpc::ServerContext* context, const api::CommitContainerRequest* request,
                      api::CommitContainerResponse* response) override;
  grpc::Status ImportImage(grpc::ServerContext* context,
                           grpc::ServerReader<api::ImportFilesystemRequest>* reader,
                           api::ImportFilesystemResponse* response) override;

 private:
  Filesystems& filesystems_;
  const cri::Edge edge_;
};

}  // namespace davit::local
