package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// maxFaults bounds how many faults of the audit log an answer lists.
const maxFaults = 100

type verifyAuditOutput struct {
	Body auditVerdict
}

type auditVerdict struct {
	Whole   bool         `json:"whole" doc:"True when every entry is as it was written and none is missing" example:"true"`
	Entries int64        `json:"entries" doc:"Entries that were checked" minimum:"0" example:"15230"`
	Chains  int64        `json:"chains" doc:"Chains that they form: one for each business, and one for the installation" minimum:"0" example:"42"`
	Erased  int64        `json:"erased" doc:"Entries whose address and user agent were erased with a person; that breaks no chain" minimum:"0" example:"3"`
	Digest  string       `json:"digest" doc:"SHA-256 over the ends of all chains. Kept elsewhere, it shows later whether a chain was forged as a whole" pattern:"^[0-9a-f]{64}$" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Faults  []auditFault `json:"faults" nullable:"false" doc:"What is wrong, by chain and number; the first 100" maxItems:"100"`
}

type auditFault struct {
	Chain string `json:"chain" doc:"Id of a business, or installation" example:"installation"`
	Seq   int64  `json:"seq" doc:"Number in the chain" example:"17"`
	ID    int64  `json:"id" doc:"Id of the entry; 0 when it is gone" minimum:"0" example:"4711"`
	Fault string `json:"fault" doc:"What is wrong there" enum:"changed,removed,inserted,origin changed" example:"changed"`
}

func (s *service) registerVerifyAudit() {
	register(s, huma.Operation{
		OperationID: "adminVerifyAudit", Method: http.MethodGet, Path: "/admin/audit/verify", Tags: []string{"admin"},
		Summary: "Verify the audit log",
		Description: "Checks the chain of hashes of the whole audit log: entries that were changed, removed, inserted or moved are found, also at the end of a chain.\n\n" +
			"Who owns the database can forge a whole chain. Keep the digest elsewhere from time to time: a later forgery does not lead to it.",
	}, s.verifyAudit)
}

func (s *service) verifyAudit(ctx context.Context, _ *struct{}) (*verifyAuditOutput, error) {
	var state store.AuditState
	var faults []store.AuditFault
	err := s.readInstallation(ctx, func(t *store.OperatorTx) (err error) {
		state, faults, err = t.VerifyAudit(ctx, maxFaults)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &verifyAuditOutput{Body: auditVerdict{Whole: len(faults) == 0, Entries: state.Entries, Chains: state.Chains, Erased: state.Erased,
		Digest: state.Digest, Faults: make([]auditFault, len(faults))}}
	for i, f := range faults {
		out.Body.Faults[i] = auditFault(f)
	}
	return out, nil
}
