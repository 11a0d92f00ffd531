// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volumes_api.h"

#include <functional>

#include "cri/service/client_gone.h"
#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

using cri::Call;
using cri::CallClass;

constexpr size_t kMostNameBytes = 255;
constexpr int kMostLabels = 100;
constexpr size_t kMostKeyBytes = 1024;
constexpr size_t kMostValueBytes = 4096;

Result<Volumes::Labels> LabelsOf(const api::CreateVolumeRequest& request) {
  TRY(cri::LimitCount("labels", static_cast<int>(request.labels().size()), kMostLabels));
  Volumes::Labels labels;
  for (const auto& [key, value] : request.labels()) {
    TRY(cri::RequireText("labels", key, kMostKeyBytes));
    TRY(cri::LimitText("labels", value, kMostValueBytes));
    labels.push_back({key, value});
  }
  return labels;
}

Result<> CheckLabelFilters(const api::PruneVolumesRequest& request) {
  TRY(cri::LimitCount("labels", request.labels_size(), kMostLabels));
  for (const std::string& label : request.labels())
    TRY(cri::RequireText("labels", label, kMostKeyBytes + 1 + kMostValueBytes));
  return {};
}

}  // namespace

grpc::Status VolumesApi::Create(grpc::ServerContext* context, const api::CreateVolumeRequest* request,
                                api::CreateVolumeResponse* response) {
  return cri::Serve(edge_, CallClass::kStart, context, "Volumes.Create", request->name(), response,
                    [&](Call&) -> Result<api::CreateVolumeResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::LimitText("name", request->name(), kMostNameBytes));
                      api::CreateVolumeResponse answer;
                      *answer.mutable_volume() =
                          TRY(volumes_.Create(request->name(), TRY(LabelsOf(*request))));
                      return answer;
                    });
}

grpc::Status VolumesApi::Inspect(grpc::ServerContext* context, const api::InspectVolumeRequest* request,
                                 api::InspectVolumeResponse* response) {
  return cri::Serve(edge_, CallClass::kLook, context, "Volumes.Inspect", request->name(), response,
                    [&](Call&) -> Result<api::InspectVolumeResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::RequireText("name", request->name(), kMostNameBytes));
                      api::InspectVolumeResponse answer;
                      *answer.mutable_volume() = TRY(volumes_.Inspect(request->name()));
                      return answer;
                    });
}

grpc::Status VolumesApi::Remove(grpc::ServerContext* context, const api::RemoveVolumeRequest* request,
                                api::RemoveVolumeResponse* response) {
  return cri::Serve(edge_, CallClass::kRemove, context, "Volumes.Remove", request->name(), response,
                    [&](Call&) -> Result<api::RemoveVolumeResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::RequireText("name", request->name(), kMostNameBytes));
                      TRY(volumes_.Remove(request->name()));
                      return api::RemoveVolumeResponse();
                    });
}

grpc::Status VolumesApi::Prune(grpc::ServerContext* context, const api::PruneVolumesRequest* request,
                               api::PruneVolumesResponse* response) {
  return cri::Serve(edge_, CallClass::kRemove, context, "Volumes.Prune", "", response,
                    [&](Call&) -> Result<api::PruneVolumesResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(CheckLabelFilters(*request));
                      cri::ClientGone gone(*context);
                      return volumes_.Prune(*request, std::ref(gone));
                    });
}

grpc::Status VolumesApi::Usage(grpc::ServerContext* context, const api::VolumesUsageRequest* /*request*/,
                               api::VolumesUsageResponse* response) {
  return cri::Serve(edge_, CallClass::kWait, context, "Volumes.Usage", "", response,
                    [&](Call&) -> Result<api::VolumesUsageResponse> {
                      TRY(cri::RequireEntitled(*context));
                      cri::ClientGone gone(*context);
                      return volumes_.Usage(std::ref(gone));
                    });
}

void VolumesApi::AcceptListStreams(cri::ListStreamSetting& setting) {
  cri::AcceptListStreams(
      setting, "Volumes.List", *this, &VolumesApi::RequestList,
      [this](const grpc::ServerContext& context,
             const api::ListVolumesRequest& /*request*/) -> Result<std::vector<api::Volume>> {
        TRY(cri::RequireEntitled(context));
        return volumes_.List();
      },
      &api::ListVolumesResponse::add_volumes);
}

}  // namespace davit::local
