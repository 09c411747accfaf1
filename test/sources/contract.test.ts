import { describe } from 'vitest'
import { holdToContract } from './contract.ts'
import { KITS } from './kits.ts'

describe('every source keeps the contract:', () => {
  for (const kit of KITS) holdToContract(kit)
})
