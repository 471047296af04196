"""The protocol that claims, records, releases and reaps experiments: contract, SQL, types, runners."""
