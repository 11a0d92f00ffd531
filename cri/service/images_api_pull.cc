// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The methods of davit.v1.Images that pull, and that log in.

#include <functional>

#include "cri/service/api_credentials.h"
#include "cri/service/carry_client.h"
#include "cri/service/client_gone.h"
#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"
#include "cri/service/images_api.h"
#include "cri/service/progress_reporter.h"

namespace davit::cri {
namespace {

api::PulledImage ToMessage(const images::PulledImage& image) {
  api::PulledImage message;
  message.set_id(image.id);
  message.set_reference(image.reference);
  message.set_digest(image.digest);
  message.set_warning(image.warning);
  message.set_unchanged(image.unchanged);
  return message;
}

Result<images::PulledImage> PullReporting(images::ImageStore& store, images::PullRequest pull,
                                          CarryClient& client,
                                          grpc::ServerWriter<api::PullImageResponse>& writer) {
  ProgressReporter reporter(SendTo<api::PullImageResponse>(client, writer));
  pull.cancelled = [&client] { return !client.interrupt().Check(); };
  pull.on_progress = [&reporter](auto progress) { reporter.Follow(std::move(progress)); };
  Result<images::PulledImage> image = client.Explain(store.Pull(pull));
  if (!image) image.error().reason = Reason::kNone;  // the words for the kubelet would hide the code
  return image;
}

}  // namespace

grpc::Status ImagesApi::Pull(grpc::ServerContext* context, const api::PullImageRequest* request,
                             grpc::ServerWriter<api::PullImageResponse>* writer) {
  api::PullImageResponse last;
  return Serve(edge_, CallClass::kPull, context, "Images.Pull", request->reference(), &last,
               [&](Call& call) -> Result<api::PullImageResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(RequireText("reference", request->reference(), kMostReferenceBytes));
                 TRY(CheckLimits(request->credentials()));
                 images::PullRequest pull;
                 pull.reference = request->reference();
                 if (request->has_credentials()) pull.auth = ToAuth(request->credentials());
                 pull.deadline_ms = call.deadline_ms;
                 CarryClient client(*context);
                 auto image = TRY(PullReporting(images_, std::move(pull), client, *writer));
                 api::PullImageResponse answer;
                 *answer.mutable_image() = ToMessage(image);
                 client.Write(*writer, answer);
                 return answer;
               });
}

grpc::Status ImagesApi::CheckCredentials(grpc::ServerContext* context,
                                         const api::CheckCredentialsRequest* request,
                                         api::CheckCredentialsResponse* response) {
  return Serve(
      edge_, CallClass::kPull, context, "Images.CheckCredentials", request->registry(), response,
      [&](Call&) -> Result<api::CheckCredentialsResponse> {
        TRY(RequireEntitled(*context));
        TRY(RequireText("registry", request->registry(), kMostRegistryBytes));
        TRY(CheckLimits(request->credentials()));
        ClientGone gone(*context);
        TRY(images_.CheckCredentials(request->registry(), ToAuth(request->credentials()), std::ref(gone)));
        return api::CheckCredentialsResponse();
      });
}

}  // namespace davit::cri
